package main

import (
	"strings"
	"testing"

	"homeward/care"
)

func TestSecondFactorInTheConfiguration(t *testing.T) {
	for want, c := range map[string]SignInConfig{
		"":                                {SecondFactor: "required", SecondFactorFor: []string{"admin", "ig-lead"}},
		"must be offered or required":     {SecondFactor: "maybe"},
		"\"nurse\" is no role. The roles": {SecondFactor: "required", SecondFactorFor: []string{"nurse"}},
		"is for second_factor":            {SecondFactor: "offered", SecondFactorFor: []string{"admin"}},
	} {
		err := c.check()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if defaults().SignIn.require() != nil {
		t.Error("required unless the configuration says otherwise")
	}
	some := SignInConfig{SecondFactor: "required", SecondFactorFor: []string{"admin"}}.require()
	if !some(care.Grant{Role: care.Admin}) || some(care.Grant{Role: care.AENurse}) || !(SignInConfig{SecondFactor: "required"}).require()(care.Grant{Role: care.AENurse}) {
		t.Error("asked of the wrong roles")
	}
}

func TestPartyOfThePublicAddress(t *testing.T) {
	for url, want := range map[string]string{"https://homeward.example": "homeward.example", "https://Homeward.Example:8443": "homeward.example", "http://localhost:8080": "localhost",
		"": "", "https://192.0.2.1": "", "http://homeward.example": ""} {
		if got := (Config{PublicURL: url}).party(); got.ID != want {
			t.Errorf("%q: %+v", url, got)
		}
	}
}
