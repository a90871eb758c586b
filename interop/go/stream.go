package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// blockSize is the size of the pieces that a stream is written in, and the
// period of the deterministic bytes.
const blockSize = 64 << 10

// block is one period of the deterministic bytes.
var block = func() []byte {
	b := make([]byte, blockSize)
	for i := range b {
		b[i] = byte(i*31 + i/256)
	}
	return b
}()

// digest is what is told of a stream.
type digest struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// writeBytes writes the first n deterministic bytes.
func writeBytes(w io.Writer, n int64) error {
	for n > 0 {
		piece := block
		if n < blockSize {
			piece = block[:n]
		}
		if _, err := w.Write(piece); err != nil {
			return err
		}
		n -= int64(len(piece))
	}
	return nil
}

// digestOf is the digest of the first n deterministic bytes.
func digestOf(n int64) digest {
	h := sha256.New()
	writeBytes(h, n)
	return digest{n, hex.EncodeToString(h.Sum(nil))}
}

// readDigest reads to the end. With an error it tells what came before it.
func readDigest(r io.Reader) (digest, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return digest{n, hex.EncodeToString(h.Sum(nil))}, err
}

// readStream opens the stream behind a unix or http URL and reads it to the
// end.
func readStream(u *url.URL) (digest, error) {
	switch u.Scheme {
	case "unix":
		ctx, cancel := context.WithTimeout(context.Background(), ioTimeout)
		defer cancel()
		conn, err := dialUnix(ctx, u.Path)
		if err != nil {
			return digest{}, err
		}
		defer conn.Close()
		return readDigest(idleConn{conn})
	case "http", "https":
		body, err := openHTTP(u)
		if err != nil {
			return digest{}, err
		}
		defer body.Close()
		return readDigest(body)
	}
	return digest{}, fmt.Errorf("unknown URL scheme %q", u.Scheme)
}

// idleConn gives each read and write a deadline of its own.
type idleConn struct {
	net.Conn
}

func (c idleConn) Read(p []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(ioTimeout))
	return c.Conn.Read(p)
}

func (c idleConn) Write(p []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(ioTimeout))
	return c.Conn.Write(p)
}

// streamCount numbers the sockets of newStream.
var streamCount int64

// newStream listens on a fresh unix socket in dir, and lets write fill the
// connection of its one reader.
func newStream(dir string, write func(io.Writer) error) (*url.URL, error) {
	name := fmt.Sprintf("stream-%d-%d.sock", os.Getpid(), atomic.AddInt64(&streamCount, 1))
	l, err := listenUnix(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	go func() {
		if err := serveStream(l, write); err != nil {
			logf("stream: %v", err)
		}
	}()
	return unixURL(l.Addr().String()), nil
}

// serveStream serves one reader, who has to come before the timeout.
func serveStream(l *net.UnixListener, write func(io.Writer) error) error {
	defer closeListener(l)
	l.SetDeadline(time.Now().Add(ioTimeout))
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	closeListener(l)
	defer conn.Close()
	return write(idleConn{conn})
}
