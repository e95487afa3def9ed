// Package smtpd is a pretend mail server: a real one on a socket, that keeps in
// memory what it is given and delivers nothing. It can offer TLS, ask for a
// sign-in, and answer any command as it is told. It is for demonstrations and tests
// on this machine only.
package smtpd

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync"

	"homeward/sim/door"
)

// Config is how the server behaves.
type Config struct {
	TLS      *tls.Config // nil: STARTTLS is not offered
	User     string      // "" no sign-in
	Password string
	// Answer is said in place of the server's own answer, by command: "RCPT": "550
	// no such user". "" closes the connection; "silence" answers nothing. "." is the
	// end of a mail, "HI" the greeting.
	Answer map[string]string
}

// Mail is one that was taken.
type Mail struct {
	From string
	To   []string
	Data []byte // with CRLF
	TLS  bool
}

// Server is a pretend mail server. Close it when done.
type Server struct {
	*door.Door
	config Config

	mu    sync.Mutex
	once  map[string]bool // answers that are given once were given
	mails []Mail
}

// New listens on an address of this machine.
func New(address string, c Config) (*Server, error) {
	s := &Server{config: c, once: map[string]bool{}}
	var err error
	s.Door, err = door.Open(address, func(c net.Conn) { (&session{server: s, conn: c, text: textproto.NewConn(c)}).serve() })
	if err != nil {
		return nil, fmt.Errorf("listening for mail: %w", err)
	}
	return s, nil
}

// Mails are those that it took, in order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// session is one connection.
type session struct {
	server *Server
	conn   net.Conn
	text   *textproto.Conn
	secure bool
	signed bool
	mail   Mail
}

// say answers a command, as told or with the server's own answer; false ends the
// connection. An answer "once 451 later" is given the first time only.
func (x *session) say(command, own string) bool {
	told, yes := x.server.config.Answer[command]
	if first, is := strings.CutPrefix(told, "once "); is {
		x.server.mu.Lock()
		told, yes = first, !x.server.once[command]
		x.server.once[command] = true
		x.server.mu.Unlock()
	}
	switch {
	case yes && told == "":
		return false
	case yes && told == "silence":
		x.text.ReadLine() // until the far side goes
		return false
	case yes:
		own = told
	}
	return x.text.PrintfLine("%s", own) == nil && (own[0] == '2' || own[0] == '3' || command != "HI")
}

func (x *session) serve() {
	if !x.say("HI", "220 mail.example ESMTP pretend") {
		return
	}
	for {
		line, err := x.text.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		if verb = strings.ToUpper(verb); verb == "QUIT" {
			x.say("QUIT", "221 goodbye")
			return
		}
		if !x.command(verb, rest) {
			return
		}
	}
}

func (x *session) command(verb, rest string) bool {
	c := x.server.config
	switch verb {
	case "EHLO", "HELO":
		lines := []string{"mail.example"}
		if c.TLS != nil && !x.secure {
			lines = append(lines, "STARTTLS")
		}
		if c.User != "" {
			lines = append(lines, "AUTH PLAIN")
		}
		lines = append(lines, "8BITMIME")
		for i, l := range lines {
			lines[i] = "250-" + l
		}
		lines[len(lines)-1] = strings.Replace(lines[len(lines)-1], "-", " ", 1)
		return x.say(verb, strings.Join(lines, "\r\n"))
	case "STARTTLS":
		if c.TLS == nil {
			return x.say(verb, "502 no TLS")
		}
		if !x.say(verb, "220 go ahead") {
			return false
		}
		secure := tls.Server(x.conn, c.TLS)
		if secure.Handshake() != nil {
			return false
		}
		x.text, x.secure = textproto.NewConn(secure), true
		return true
	case "AUTH":
		return x.auth(rest)
	case "MAIL", "RCPT":
		if !strings.Contains(rest, "<") || !strings.Contains(rest, ">") { // RFC 5321 4.1.2
			return x.say("", "501 an address stands in angle brackets")
		}
		if verb == "RCPT" {
			x.mail.To = append(x.mail.To, address(rest))
			break
		}
		if c.User != "" && !x.signed {
			return x.say(verb, "530 sign in first")
		}
		x.mail = Mail{From: address(rest), TLS: x.secure}
	case "DATA":
		return x.data()
	case "RSET", "NOOP":
	default:
		return x.say(verb, "500 not known")
	}
	return x.say(verb, "250 fine")
}

func (x *session) auth(rest string) bool {
	_, b64, _ := strings.Cut(rest, " ")
	b, err := base64.StdEncoding.DecodeString(b64)
	parts := strings.Split(string(b), "\x00")
	if err != nil || len(parts) != 3 || parts[1] != x.server.config.User || parts[2] != x.server.config.Password {
		return x.say("AUTH", "535 5.7.8 wrong user or password")
	}
	x.signed = true
	return x.say("AUTH", "235 welcome")
}

func (x *session) data() bool {
	if told := x.server.config.Answer["DATA"]; told != "" {
		return x.say("DATA", told)
	}
	if !x.say("DATA", "354 go ahead") {
		return false
	}
	var b strings.Builder
	r := bufio.NewReader(x.text.DotReader())
	for {
		line, err := r.ReadString('\n')
		b.WriteString(strings.TrimSuffix(line, "\n"))
		if err != nil {
			break
		}
		b.WriteString("\r\n")
	}
	if told, yes := x.server.config.Answer["."]; !yes || strings.HasPrefix(told, "250") {
		x.mail.Data = []byte(b.String())
		x.server.mu.Lock()
		x.server.mails = append(x.server.mails, x.mail)
		x.server.mu.Unlock()
	}
	return x.say(".", "250 taken as 1")
}

// address is what stands in angle brackets.
func address(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}
