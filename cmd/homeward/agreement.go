package main

type agreementCmd struct{}

func (agreementCmd) Run() error { return nil }
