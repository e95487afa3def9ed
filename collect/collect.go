// Package collect brings what a council's system holds to where Homeward reads it:
// as an extract in the council's folder, put there whole or not at all, from SFTP,
// from a MESH mailbox, or from the system's own API by a plan that is data. It
// reads no case and changes none: what an extract means, its quarantine, and when
// it stops for a person are the import's. It decides nothing about anybody, and
// neither logs nor tells anything of what it carries.
package collect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"homeward/connect"
)

// Way is one way in. SFTP, Mailbox and Poll are.
type Way interface {
	// Bring fetches what is new, once, and returns what it put into the folder.
	// After an error nothing that was not put is lost: it comes again next time.
	Bring(context.Context) (Brought, error)
}

// Brought is what one Bring did.
type Brought struct {
	Extracts []string // names of the folders that are new, oldest first
	Rows     int      // in all their files, where they are counted
	Notes    []string // for the integration engineer, without anything personal
}

// Trouble is why nothing can be brought until something changes. Text is for the
// integration engineer and holds nothing of what came.
type Trouble struct {
	Text string
	Err  error // nil, or what came of asking
}

func (t *Trouble) Error() string { return t.Text }

// Unwrap is what came of asking.
func (t *Trouble) Unwrap() error { return t.Err }

func trouble(format string, args ...any) error { return &Trouble{Text: fmt.Sprintf(format, args...)} }

// Say puts an error of Bring into words for the page, and says how long to leave
// the far side alone; 0 where it did not ask for that.
func Say(err error) (text string, wait time.Duration) {
	var later *connect.Later
	var no *Trouble
	var refused *connect.Refused
	switch {
	case errors.As(err, &later):
		return later.Text, later.Wait
	case errors.As(err, &no):
		return no.Text, 0
	case errors.As(err, &refused):
		return refused.Text, 0
	case errors.Is(err, connect.ErrDown):
		return "The council's system does not answer. It is asked again", 0
	}
	return err.Error(), 0
}
