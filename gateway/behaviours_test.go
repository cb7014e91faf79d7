package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyserve/pyserve/gateway"
	"github.com/pyserve/pyserve/gateway/gatewaytest"
)

func TestBehavioursOfGoApplications(t *testing.T) {
	f := &fakes{t: t, closed: map[string]int{}, seen: map[string][]string{}}
	gatewaytest.Run(t, gatewaytest.Subject{Load: func(t *testing.T, name string) gateway.App {
		require.Contains(t, applications, name)
		return fakeApp{f, name, applications[name]}
	}})
}
