module example.com/hostapp

go 1.26.0

require cyclegan v0.0.0

replace cyclegan => ../..
