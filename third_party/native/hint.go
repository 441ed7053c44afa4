package native

import (
	"os/exec"
	"runtime"
)

// installHint is the command that installs a tool ("python", "pip" or "compiler") with the package manager that this machine has.
func installHint(tool string) string {
	switch runtime.GOOS {
	case "darwin":
		return "xcode-select --install"
	case "windows":
		if tool == "compiler" {
			return "install MinGW-w64's gcc and put it on PATH"
		}
		return "winget install Python.Python.3.12"
	}
	managers := []struct {
		name, install string
		packages      map[string]string
	}{
		{"apt-get", "sudo apt-get install -y", map[string]string{"python": "python3-pip", "pip": "python3-pip", "compiler": "gcc libc6-dev"}},
		{"dnf", "sudo dnf install -y", map[string]string{"python": "python3-pip", "pip": "python3-pip", "compiler": "gcc glibc-devel"}},
		{"zypper", "sudo zypper install -y", map[string]string{"python": "python3-pip", "pip": "python3-pip", "compiler": "gcc glibc-devel"}},
		{"pacman", "sudo pacman -S --noconfirm", map[string]string{"python": "python-pip", "pip": "python-pip", "compiler": "gcc"}},
	}
	for _, m := range managers {
		if _, err := exec.LookPath(m.name); err == nil {
			return m.install + " " + m.packages[tool]
		}
	}
	return map[string]string{
		"python":   "install Python 3 with pip",
		"pip":      "python3 -m ensurepip --user",
		"compiler": "install gcc or clang",
	}[tool]
}
