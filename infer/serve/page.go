package serve

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strings"
)

//go:embed page
var pageFiles embed.FS

//go:embed openapi.yaml
var openAPI string

// pageHTML is the page with its styles and scripts in it, so that it is one file that needs no
// other.
var pageHTML = inlined("page.html")

// external matches the elements of the page that name a file.
var external = regexp.MustCompile(`<link rel="stylesheet" href="([^"]+)">|<script src="([^"]+)"></script>`)

// inlined returns a page with the files that it names.
func inlined(name string) string {
	read := func(name string) string {
		data, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			panic(err) // the page names a file that is not in the program
		}
		return string(data)
	}
	return external.ReplaceAllStringFunc(read(name), func(tag string) string {
		m := external.FindStringSubmatch(tag)
		if m[1] != "" {
			return "<style>" + read(m[1]) + "</style>"
		}
		return "<script>" + read(m[2]) + "</script>"
	})
}

// pagePolicy is the content security policy of the page: the scripts and styles that are in it,
// images that it makes itself, and requests to this server. Scripts cannot parse text as HTML.
var pagePolicy = strings.Join([]string{
	"default-src 'none'", "script-src " + hashes(pageHTML, "script"), "style-src " + hashes(pageHTML, "style"),
	"img-src blob: data:", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'",
	"require-trusted-types-for 'script'", "trusted-types 'none'",
}, "; ")

// hashes returns the sources of a policy that allow the inline elements of a page, which have no
// attributes.
func hashes(page, element string) string {
	var list []string
	for _, m := range regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(page, -1) {
		sum := sha256.Sum256([]byte(m[1]))
		list = append(list, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	return strings.Join(list, " ")
}

// page answers with the page for people.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Permissions-Policy", "camera=(self), microphone=(), geolocation=()")
	io.WriteString(w, pageHTML)
}
