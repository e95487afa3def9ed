package main

type governanceCmd struct{}

func (governanceCmd) Run() error { return nil }
