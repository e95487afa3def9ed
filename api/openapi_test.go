package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// described is openapi.json as this test walks it.
type described map[string]any

func (d described) at(path ...string) described {
	var v any = map[string]any(d)
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
		if ref, ok := v.(map[string]any)["$ref"].(string); ok {
			v = map[string]any(d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...))
		}
	}
	m, _ := v.(map[string]any)
	return m
}

// wrong is what a value lacks of a schema; "" when it meets it.
func (d described) wrong(schema described, v any) string {
	if ref, ok := schema["$ref"].(string); ok {
		schema = d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	if c, ok := schema["const"]; ok && v != c {
		return fmt.Sprintf("%v is not %v", v, c)
	}
	switch schema["type"] {
	case "string":
		if _, ok := v.(string); !ok {
			return fmt.Sprintf("%v is no string", v)
		}
	case "integer":
		if n, ok := v.(float64); !ok || n != float64(int(n)) {
			return fmt.Sprintf("%v is no integer", v)
		}
	case "array":
		for _, x := range v.([]any) {
			if no := d.wrong(schema["items"].(map[string]any), x); no != "" {
				return no
			}
		}
	case "object":
		m, ok := v.(map[string]any)
		if !ok {
			return fmt.Sprintf("%v is no object", v)
		}
		for _, name := range schema["required"].([]any) {
			if _, ok := m[name.(string)]; !ok {
				return fmt.Sprintf("%v is missing", name)
			}
		}
		for name, x := range m {
			if p, ok := schema["properties"].(map[string]any)[name].(map[string]any); ok {
				if no := d.wrong(p, x); no != "" {
					return name + ": " + no
				}
			}
		}
	}
	return ""
}

func readDescription(t *testing.T) described {
	var d described
	if err := json.Unmarshal(openAPI, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTheDescriptionIsTrue holds openapi.json to the addresses that there are and
// to what they answer.
func TestTheDescriptionIsTrue(t *testing.T) {
	d := readDescription(t)
	w := newWorld(t, "sqlite")
	machine := httptest.NewServer(New(w.hub, func() map[string]Listener { return nil }))
	t.Cleanup(machine.Close)
	token := w.granted(w.ask(w.good("kmh-epr")))
	get := func(at string) answered {
		r, err := http.NewRequest("GET", at, nil)
		w.must(err)
		return w.do(http.DefaultClient, r)
	}
	for _, try := range []struct {
		path, method string
		status       int
		do           func() answered
	}{
		{"/oauth2/token", "post", 200, func() answered { return w.ask(w.good("kmh-epr")) }},
		{"/oauth2/token", "post", 400, func() answered { return w.ask("x") }},
		{"/api/launch", "post", 201, func() answered { return w.launchAt(w.here.URL, token, `{"nhs":"9990000018"}`) }},
		{"/api/launch", "post", 400, func() answered { return w.launchAt(w.here.URL, token, `{"dob":"x"}`) }},
		{"/api/launch", "post", 401, func() answered { return w.launchAt(w.here.URL, "", `{}`) }},
		{"/.well-known/oauth-authorization-server", "get", 200, func() answered { return get(w.here.URL + "/.well-known/oauth-authorization-server") }},
		{"/.well-known/smart-configuration", "get", 200, func() answered { return get(w.here.URL + "/.well-known/smart-configuration") }},
		{"/healthz", "get", 200, func() answered { return get(machine.URL + "/healthz") }},
		{"/readyz", "get", 200, func() answered { return get(machine.URL + "/readyz") }},
	} {
		t.Run(fmt.Sprint(try.path, try.status), func(t *testing.T) {
			a := try.do()
			if a.status != try.status {
				t.Fatalf("answered %d, not %d: %v", a.status, try.status, a.body)
			}
			schema := d.at("paths", try.path, try.method, "responses", fmt.Sprint(try.status), "content", "application/json", "schema")
			if len(schema) == 0 {
				t.Fatal("the answer is not described")
			}
			if no := d.wrong(schema, map[string]any(a.body)); no != "" {
				t.Error(no)
			}
		})
	}
}

// TestEveryAddressIsDescribed finds an address that openapi.json forgets, or one
// that is gone.
func TestEveryAddressIsDescribed(t *testing.T) {
	d := readDescription(t)
	w := newWorld(t, "sqlite")
	s, err := NewSystems(SystemsConfig{Hub: w.hub, URLs: []string{public}, Address: func(*http.Request) string { return "" }})
	w.must(err)
	want := append(s.Paths(), "/healthz", "/readyz")
	want = slices.DeleteFunc(want, func(p string) bool { return p == OpenAPIPath })
	var got []string
	for path := range d.at("paths") {
		got = append(got, path)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("described are %v, and there are %v", got, want)
	}
	res, err := http.Get(w.here.URL + OpenAPIPath)
	w.must(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the description is given as %d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
}

// TestTheSchemaCanFail tries the check itself.
func TestTheSchemaCanFail(t *testing.T) {
	d := readDescription(t)
	schema := d.at("components", "schemas", "Token")
	good := map[string]any{"access_token": "x", "token_type": "Bearer", "expires_in": 599.0, "scope": ""}
	if no := d.wrong(schema, good); no != "" {
		t.Errorf("a good token is refused: %s", no)
	}
	for name, v := range map[string]any{"access_token": 1.0, "token_type": "MAC", "expires_in": 1.5, "scope": nil} {
		bad := map[string]any{}
		for k, x := range good {
			bad[k] = x
		}
		if bad[name] = v; v == nil {
			delete(bad, name)
		}
		if d.wrong(schema, bad) == "" {
			t.Errorf("a token with a wrong %s is taken", name)
		}
	}
}
