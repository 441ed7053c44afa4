package modelcli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"cyclegan/infer/atomicfile"
)

// WriteSummary writes a summary as JSON to a file, or to stdout where path is "-".
func WriteSummary(path string, stdout io.Writer, summary any) error {
	data, err := json.MarshalIndent(summary, "", "  ")
	if err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	data = append(data, '\n')
	if path == "-" {
		_, err = stdout.Write(data)
	} else if info, statErr := os.Stat(path); statErr == nil && !info.Mode().IsRegular() {
		err = os.WriteFile(path, data, 0o666) // a pipe or a device, which is not replaced
	} else {
		err = atomicfile.Write(path, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}
