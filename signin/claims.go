package signin

import (
	"strings"

	"homeward/care"
)

// proof is how somebody proved who they are, for the audit: the method and, of
// a provider, its name, the role profile that it vouches for, and how sure it was.
func proof(ses care.Session) string {
	said := []string{string(ses.Method)}
	if ses.Provider != "" {
		said = append(said, ses.Provider)
	}
	if ses.Grant.Profile != "" {
		said = append(said, "role profile "+ses.Grant.Profile)
	}
	if ses.Assurance != "" {
		said = append(said, ses.Assurance)
	}
	return strings.Join(said, ", ")
}
