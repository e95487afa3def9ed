//go:build unix

package main

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"homeward/nhs"
	"homeward/sim/meshd"
	"homeward/sim/notifyd"
	"homeward/sim/sftpd"
	"homeward/sim/smtpd"
	"homeward/store"
)

const reachSite = `public_url = "https://homeward.example"
[[destination]]
name = "mail"
title = "the office"
org = "511"
kind = "mail"
address = %q
sender = "Homeward <homeward@council.example>"
to = ["office@bluebell.example"]
[[destination]]
name = "notify"
title = "the other office"
org = "511"
kind = "notify"
url = %q
secret_files = ["notify.key"]
profile = "f33517ff-2a88-4f6e-b855-c550268ce08a"
to = ["office@bluebell.example"]
[[destination]]
name = "sftp"
title = "the council's SFTP server"
org = "511"
kind = "sftp"
address = %q
user = "homeward"
key_file = "sftp.key"
host_key_file = "sftp.hosts"
format = "csv"
personal = true
[[destination]]
name = "mesh"
title = "the council's mailbox"
org = "511"
kind = "mesh"
url = %q
sender = "X26HOSP"
profile = "HOMEWARD_D2A"
secret_files = ["mesh.password", "mesh.shared"]
format = "json"
personal = true
`

// TestEveryKindReachesItsFarSide serves a configuration with destinations of the
// kinds that no other test serves, against pretend far sides: each is told of every
// referral once, and what anybody may read names nobody.
func TestEveryKindReachesItsFarSide(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	smtp, err := smtpd.New("127.0.0.1:0", smtpd.Config{})
	must(err)
	defer smtp.Close()
	notify := notifyd.New(notifyd.Config{Service: "26785a09-ab16-4eb0-8407-a37497a57506", Secret: "3d844edf-8d35-48ac-975b-e847b4f122b0",
		Template: "f33517ff-2a88-4f6e-b855-c550268ce08a", Fields: []string{"subject", "words", "link"}})
	notifyHTTP := httptest.NewServer(notify)
	defer notifyHTTP.Close()
	key, err := sftpd.NewKey()
	must(err)
	folder := t.TempDir()
	sftp, err := sftpd.New("127.0.0.1:0", folder, key.Signer.PublicKey())
	must(err)
	defer sftp.Close()
	mesh := meshd.New(meshd.Config{SharedKey: "BackBone", Mailboxes: []meshd.Mailbox{{ID: "X26HOSP", Password: "p4ssw0rd", ODS: "RK5"},
		{ID: "X26COUN", Password: "other", ODS: "511", Workflows: []string{"HOMEWARD_D2A"}}}})
	meshHTTP := httptest.NewServer(mesh)
	defer meshHTTP.Close()

	put("notify.key", []byte("homeward-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0\n"))
	put("sftp.key", key.PEM)
	put("sftp.hosts", sftp.HostKey())
	put("mesh.password", []byte("p4ssw0rd\n"))
	put("mesh.shared", []byte("BackBone\n"))
	put("gazetteer.csv", []byte("uprn,postcode,council\n,ZZ99 3AA,511\n"))
	must(writeKeyFile(filepath.Join(dir, "site.key"), []store.MasterKey{store.NewMasterKey()}))
	put("homeward.toml", fmt.Appendf(nil, "http = \"127.0.0.1:0\"\ndatabase = \"data\"\ngazetteer = \"gazetteer.csv\"\n"+reachSite+
		"[encryption]\nkey_file = \"site.key\"\n"+killPlaces, smtp.Address(), notifyHTTP.URL, sftp.Address(), meshHTTP.URL))
	file := filepath.Join(dir, "homeward.toml")
	must((&configCmd{Check: file}).Run())
	killReferred(t, file)

	w := newWorld(dir, os.Environ())
	defer w.close()
	_, err = w.start("site", "serve", "--config", file)
	must(err)
	var files [][]byte
	arrived := func() bool {
		files = nil
		list, _ := filepath.Glob(filepath.Join(folder, "*-refer-*.csv"))
		for _, f := range list {
			b, _ := os.ReadFile(f)
			files = append(files, b)
		}
		return len(smtp.Mails()) >= killPeople && len(notify.Mails()) >= killPeople && len(files) >= killPeople && len(mesh.Messages()) >= killPeople
	}
	if err := until(100*time.Second, arrived); err != nil {
		t.Error(err)
	}
	if a, b, c, d := len(smtp.Mails()), len(notify.Mails()), len(files), len(mesh.Messages()); a != killPeople || b != killPeople || c != killPeople || d != killPeople {
		t.Errorf("%d mails, %d notifications, %d files, %d messages; want %d of each", a, b, c, d, killPeople)
	}
	var open [][]byte
	for _, m := range smtp.Mails() {
		open = append(open, m.Data)
	}
	for _, m := range notify.Mails() {
		open = append(open, fmt.Append(nil, m))
	}
	for _, word := range []string{"KILLTEST", "Killtest", "Mill Lane", "ZZ99", nhs.Test(7000).Digits(), "1938"} {
		for _, b := range open {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("what anybody may read says %q", word)
			}
		}
	}
	for _, b := range files {
		if !bytes.Contains(bytes.ToUpper(b), []byte("KILLTEST")) {
			t.Error("a file says nothing of the person")
		}
	}
}
