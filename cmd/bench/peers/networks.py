"""The ResNet generators and the PatchGAN discriminator of CycleGAN, with the official structure, so that official names load."""

import safetensors.torch
from torch import nn

BLOCKS = {"resnet_6blocks": 6, "resnet_9blocks": 9}


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), nn.InstanceNorm2d(c), nn.ReLU(True),
            nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), nn.InstanceNorm2d(c))

    def forward(self, x):
        return x + self.conv_block(x)


class Generator(nn.Module):
    def __init__(self, architecture, filters):
        super().__init__()
        f = filters
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, f, 7), nn.InstanceNorm2d(f), nn.ReLU(True)]
        for c in (f, 2 * f):
            layers += [nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), nn.InstanceNorm2d(2 * c), nn.ReLU(True)]
        layers += [Block(4 * f) for _ in range(BLOCKS[architecture])]
        for c in (4 * f, 2 * f):
            layers += [nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1), nn.InstanceNorm2d(c // 2), nn.ReLU(True)]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(f, 3, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)


class Discriminator(nn.Module):
    def __init__(self, filters):
        super().__init__()
        f = filters
        layers = [nn.Conv2d(3, f, 4, stride=2, padding=1), nn.LeakyReLU(0.2, True)]
        for c, to, stride in ((f, 2 * f, 2), (2 * f, 4 * f, 2), (4 * f, 8 * f, 1)):
            layers += [nn.Conv2d(c, to, 4, stride=stride, padding=1), nn.InstanceNorm2d(to), nn.LeakyReLU(0.2, True)]
        self.model = nn.Sequential(*layers, nn.Conv2d(8 * f, 1, 4, padding=1))

    def forward(self, x):
        return self.model(x)


def load(net, path):
    net.load_state_dict(safetensors.torch.load_file(path))
    return net


def generator(spec, name="G_AB"):
    return load(Generator(spec["netG"], spec["ngf"]), spec["weights"][name])


def discriminator(spec, name):
    return load(Discriminator(spec["ndf"]), spec["weights"][name])
