package serve

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

//go:embed page.html
var pageHTML string

//go:embed openapi.yaml
var openAPI string

// pagePolicy is the content security policy of the page: the scripts and styles that are in it, images and
// downloads that it makes itself, and requests to this server.
var pagePolicy = fmt.Sprintf("default-src 'none'; script-src %s; style-src %s; img-src 'self' blob: data:; media-src blob:; "+
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
	hashes(pageHTML, "script"), hashes(pageHTML, "style"))

// hashes returns the sources of a policy that allow the inline elements of a page, which have no
// attributes.
func hashes(page, element string) string {
	list := []string{}
	for _, m := range regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(page, -1) {
		sum := sha256.Sum256([]byte(m[1]))
		list = append(list, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	if len(list) == 0 {
		return "'none'"
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
