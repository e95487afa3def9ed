package main

type keysCmd struct{}

func (keysCmd) Run() error { return nil }
