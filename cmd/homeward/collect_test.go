package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const collectOrgs = "[[organisation]]\nods = \"511\"\nname = \"County\"\nkind = \"council\"\n[[council]]\nname = \"county\"\nods = \"511\"\n"

// What is wrong with a way of bringing extracts, or with PDS, is said by its key.
func TestCollectConfigSaysWhatIsWrong(t *testing.T) {
	sftp := "folder = \"x\"\n[council.sftp]\naddress = \"h:22\"\nuser = \"u\"\nhost_key_file = \"k\"\nkey_file = \"p\"\n"
	poll := "folder = \"x\"\n[council.poll]\nurl = \"https://c.example\"\nplan = \"mosaic\"\n"
	mesh := "folder = \"x\"\n[council.mesh]\nurl = \"https://m.example\"\nmailbox = \"M\"\npassword_file = \"p\"\nshared_key_file = \"s\"\nfrom = \"C\"\nworkflow = \"W\"\n"
	for want, text := range map[string]string{
		"":                         collectOrgs + sftp,
		" ":                        collectOrgs + poll,
		"  ":                       collectOrgs + mesh,
		"sftp needs folder":        collectOrgs + strings.TrimPrefix(sftp, "folder = \"x\"\n"),
		"only one of":              collectOrgs + sftp + strings.TrimPrefix(poll, "folder = \"x\"\n"),
		"host:port":                collectOrgs + strings.Replace(sftp, "h:22", "h", 1),
		"not both":                 collectOrgs + sftp + "password_file = \"w\"\n",
		"host_key_file":            collectOrgs + strings.Replace(sftp, "host_key_file", "dir", 1),
		"needs a plan":             collectOrgs + strings.Replace(poll, "mosaic", "", 1),
		"no layout":                collectOrgs + "layout = \"mosaic\"\n" + poll,
		"10.20.0.0/16":             collectOrgs + poll + "allow = [\"here\"]\n",
		"at least 1s":              collectOrgs + poll + "every = \"1ms\"\n",
		"mesh needs from":          collectOrgs + strings.Replace(mesh, "from = \"C\"\n", "", 1),
		"not known":                collectOrgs + mesh + "form = \"x\"\n",
		"[pds] needs token_url":    "[pds]\nurl = \"https://p.example\"\n" + collectOrgs,
		"[pds] recheck must be at": "[pds]\nurl = \"https://p.example\"\ntoken_url = \"https://p.example/t\"\nclient_id = \"c\"\nkey_file = \"k\"\nkey_id = \"i\"\nrecheck = \"5m\"\n" + collectOrgs,
	} {
		file := filepath.Join(t.TempDir(), "site.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readConfig(file)
		if strings.TrimSpace(want) == "" {
			if err != nil {
				t.Errorf("refused: %v", err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

// A plan of one's own stands in files beside the configuration, and its mappings
// have a page with their samples.
func TestPlanInFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"site.toml": collectOrgs + "title = \"Our system\"\nfolder = \"in\"\n[council.poll]\nurl = \"https://c.example\"\nplan = \"plan/plan.toml\"\n" +
			"[[destination]]\nname = \"hook\"\ntitle = \"the hook\"\norg = \"511\"\nkind = \"webhook\"\nurl = \"https://c.example\"\nmapping = \"out.toml\"\n",
		"plan/plan.toml":          "name = \"Ours\"\nnot_shared = [\"packages\"]\n[[ask]]\nname = \"people\"\npath = \"/people\"\nmapping = \"people.toml\"\n",
		"plan/people.toml":        "name = \"people\"\ntitle = \"People\"\n[tables.people]\neach = \"input\"\n[tables.people.fields]\nperson_id = \"item.id\"\n",
		"plan/people.sample.json": `[{"id": "A1"}]`,
		"out.toml":                "name = \"rows\"\ntitle = \"News\"\n[fields]\nwhat = \"input.what\"\nid = \"input.referral.id\"\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := readConfig(filepath.Join(dir, "site.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if ways, err := cfg.ways(nil); err != nil || len(ways) != 1 || ways[0].name != "API" {
		t.Errorf("%+v %v", ways, err)
	}
	ms, err := cfg.mappings()
	if err != nil || len(ms) < 6 || ms[0].Name != "ours-people" || ms[0].Used != "Our system" || ms[0].Sample == "" {
		t.Fatalf("%+v %v", ms, err)
	}
	if tried := ms[1].Try(ms[1].Sample); ms[1].Name != "to-hook" || len(tried) != 1 || len(tried[0].Rows) != 1 || tried[0].Rows[0][1] != "ABCD-EFGH-JKLM" {
		t.Errorf("%+v %+v", ms[1], tried)
	}
	tried := ms[0].Try(ms[0].Sample)
	if len(tried) != 1 || len(tried[0].Problems) > 0 || tried[0].Rows[0][0] != "A1" {
		t.Errorf("%+v", tried)
	}
	for _, m := range ms {
		for _, r := range m.Try(m.Sample) {
			if len(r.Problems) > 0 || r.Count == 0 {
				t.Errorf("%s %s: %d rows, %v", m.Name, r.Table, r.Count, r.Problems)
			}
		}
		if strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("%q cannot stand in an address", m.Name)
		}
	}
	if tried := ms[0].Try("{"); len(tried) != 1 || len(tried[0].Problems) != 1 {
		t.Errorf("%+v", tried)
	}
}

// The files that a way and PDS need are read at the start, and named when they are
// not there.
func TestCollectFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	text := collectOrgs + "folder = \"x\"\n[council.mesh]\nurl = \"https://m.example\"\nmailbox = \"M\"\npassword_file = \"p\"\nshared_key_file = \"s\"\nfrom = \"C\"\nworkflow = \"W\"\n" +
		"[pds]\nurl = \"https://p.example/FHIR/R4\"\ntoken_url = \"https://p.example/t\"\nclient_id = \"c\"\nkey_file = \"pds.pem\"\nkey_id = \"i\"\n"
	if err := os.WriteFile(filepath.Join(dir, "site.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := readConfig(filepath.Join(dir, "site.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.ways(nil); err == nil || !strings.Contains(err.Error(), "password_file") {
		t.Errorf("without a password: %v", err)
	}
	for _, name := range []string{"p", "s"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if ways, err := cfg.ways(nil); err != nil || len(ways) != 1 || ways[0].name != "MESH" {
		t.Errorf("%+v %v", ways, err)
	}
	if _, err := cfg.PDS.client(nil); err == nil || !strings.Contains(err.Error(), "PDS") {
		t.Errorf("without a key: %v", err)
	}
	make := systemKeyCmd{Private: filepath.Join(dir, "pds.pem"), JWKS: filepath.Join(dir, "pds.jwks"), Alg: "RS512"}
	if err := make.Run(); err != nil {
		t.Fatal(err)
	}
	if c, err := cfg.PDS.client(nil); err != nil || c == nil {
		t.Errorf("%v %v", c, err)
	}
	if c, err := defaults().PDS.client(nil); err != nil || c != nil {
		t.Errorf("PDS is not off by default: %v %v", c, err)
	}
}
