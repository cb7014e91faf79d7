package nethttp

import (
	"errors"
	"io"
	"os"
	"sync"

	"github.com/pyserve/pyserve/httpserver"
)

const (
	// pumpMemory is how much of a response is kept in memory before it goes to a temporary file, in bytes.
	pumpMemory = 1 << 20
	// pumpPiece is how much is written at once, and so what a client has --write-timeout to take.
	pumpPiece = 16 << 10
)

// pump sends a response on a goroutine of its own, so that the thread that makes it never waits for the client, but
// for the bound of what may be left.
type pump struct {
	write   func(p []byte) error // to the client; called by the goroutine only
	flush   func() error
	limit   int64                    // of what is left, in bytes
	create  func() *httpserver.Spool // for what is left
	trouble func(error)              // is called when a spool has failed
	done    chan struct{}            // closed when the goroutine has ended

	mu      sync.Mutex
	changed sync.Cond         // of what follows
	left    *httpserver.Spool // nil: everything has been sent
	sent    int64             // bytes of left
	ended   bool              // nothing more will come
	err     error             // from write or flush: everything after it is lost
}

func (p *pump) start() {
	p.changed.L, p.done = &p.mu, make(chan struct{})
	go p.run()
}

// run sends until the response has ended, or the client is gone.
func (p *pump) run() {
	defer close(p.done)
	buffer := make([]byte, pumpPiece)
	for {
		piece, err := p.next(buffer)
		switch {
		case err != nil:
		case piece == nil:
			return
		default:
			err = p.write(piece)
		}
		if err == nil && p.took(len(piece)) {
			err = p.flush()
		}
		if err != nil {
			p.fail(err)
			return
		}
	}
}

// next waits for something to send. It returns nil at the end.
func (p *pump) next(buffer []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.left == nil && !p.ended {
		p.changed.Wait()
	}
	if p.left == nil {
		return nil, nil
	}
	if _, err := p.left.Seek(p.sent, io.SeekStart); err != nil {
		return nil, err
	}
	n, err := p.left.Read(buffer)
	return buffer[:n], err
}

// took notes that n bytes more have been sent, and reports whether that was all.
func (p *pump) took(n int) (all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent += int64(n)
	if all = p.sent == p.left.Size(); all {
		p.drop()
	}
	p.changed.Broadcast()
	return all
}

func (p *pump) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	p.drop()
	p.changed.Broadcast()
}

// drop gives back what is left. p.mu is held.
func (p *pump) drop() {
	if p.left != nil {
		_ = p.left.Close()
		p.left, p.sent = nil, 0
	}
}

// put has content sent. It waits while more is left than the limit, or than there is room for, and returns the
// failure of what was sent before.
func (p *pump) put(content []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(content) > 0 {
		for p.err == nil && p.left != nil && p.left.Size() > p.limit {
			p.changed.Wait()
		}
		if p.err != nil {
			return p.err
		}
		if p.left == nil {
			p.left = p.create()
		}
		n, err := p.left.Write(content)
		content = content[n:]
		p.changed.Broadcast()
		if err != nil {
			p.trouble(err)
			content = p.press(content)
		}
	}
	return p.err
}

// press sends content without a temporary file, a piece after the other. p.mu is held.
func (p *pump) press(content []byte) (rest []byte) {
	for p.err == nil && len(content) > 0 {
		for p.err == nil && p.left != nil {
			if p.left.Size() == 0 { // it could not even be created
				p.drop()
				break
			}
			p.changed.Wait()
		}
		n := min(len(content), pumpPiece)
		p.left = httpserver.NewSpool(n, "", nil)
		_, _ = p.left.Write(content[:n]) // it fits
		content = content[n:]
		p.changed.Broadcast()
	}
	return content
}

// finish waits until everything has been sent, and returns what became of it.
func (p *pump) finish() error {
	p.mu.Lock()
	p.ended = true
	p.changed.Broadcast()
	p.mu.Unlock()
	<-p.done
	return p.failure()
}

// failure returns why the client does not get what was put.
func (p *pump) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// tooSlow reports whether an error of a connection says that its deadline has passed.
func tooSlow(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
