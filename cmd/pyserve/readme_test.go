package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheReadmeShowsTheHelpAsItIs(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	var help bytes.Buffer
	_, _, code, done := parse([]string{"--help"}, &help, &help)
	assert.True(t, done)
	assert.Equal(t, exitOK, code)
	assert.Contains(t, string(readme), "```text\n"+help.String()+"```")
}
