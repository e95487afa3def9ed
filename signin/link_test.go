package signin

import (
	"context"
	"testing"
	"time"

	"homeward/care"
)

// oneLink is a link that takes two wrong PINs.
type oneLink struct {
	pin         string
	wrong, used int
}

func (l *oneLink) Link(context.Context, string) (care.Account, string, error) {
	if l.wrong == 2 || l.used > 0 {
		return care.Account{}, "", &care.Error{Kind: care.NotFound, Text: "over"}
	}
	return care.Account{ID: "provider-V1", Name: "Linden", Grants: []care.Grant{{Role: care.CareProvider, Org: "VAAAA"}}}, l.pin, nil
}

func (l *oneLink) LinkTried(_ context.Context, _ string, right bool) (int, error) {
	if right {
		l.used++
		return 0, nil
	}
	l.wrong++
	return 2 - l.wrong, nil
}

func TestALinkOpensWithItsPIN(t *testing.T) {
	d := newDoor(t)
	pin, hash, err := NewPIN(nil)
	if err != nil || len(pin) != 6 {
		t.Fatal(pin, err)
	}
	l := &oneLink{pin: hash}
	d.Links = l
	if _, err := d.ByLink(t.Context(), "token", "", ""); care.KindOf(err) != care.Required {
		t.Error(err)
	}
	wrong := "000000"
	if pin == wrong {
		wrong = "111111"
	}
	if _, err := d.ByLink(t.Context(), "token", wrong, ""); care.KindOf(err) != care.Login {
		t.Error(err)
	}
	e, err := d.ByLink(t.Context(), "token", pin, "")
	if err != nil || e.Session.Ends.Sub(e.Session.Created) != 30*time.Minute || e.Session.Method != care.ByLink || !e.Session.Method.Strong() {
		t.Fatalf("%+v %v", e.Session, err)
	}
	if _, err := d.ByLink(t.Context(), "token", pin, ""); care.KindOf(err) != care.NotFound {
		t.Errorf("a used link opens: %v", err)
	}
	l.used = 0
	if _, err := d.ByLink(t.Context(), "token", wrong, ""); care.KindOf(err) != care.NotFound {
		t.Errorf("too often: %v", err)
	}
}
