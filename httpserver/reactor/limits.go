//go:build linux

package reactor

// usedUp reports whether the connection's request at hand has to be its last by --keepalive-requests.
func (c *conn) usedUp() bool {
	limit := c.r.o.Limits.KeepAliveRequests
	return limit > 0 && c.served >= limit && c.ends()
}

// ends notes that a connection has made as many requests as it may. That is as it should be, so the line is for
// those who look for the reason.
func (c *conn) ends() bool {
	c.r.counters.KeepAliveEnds.Add(1)
	c.r.o.Log.Debug("the connection closes after this request: it has made as many requests as are allowed",
		"option", "KeepAliveRequests",
		"remote", c.remote, "requests", c.served)
	return true
}
