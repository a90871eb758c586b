package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"
)

// maxFrame is the largest message that is read or written.
const maxFrame = 16 << 20

// errFrameTooLarge says that a length is over maxFrame.
var errFrameTooLarge = errors.New("frame-too-large: over 16 MiB")

// ioTimeout bounds each exchange as a whole, and each single read and write
// of a stream.
var ioTimeout = 30 * time.Second

// readFrame reads one frame. It returns io.EOF if not a byte came.
func readFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return nil, errFrameTooLarge
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return data, nil
}

// writeFrame writes one frame.
func writeFrame(w io.Writer, data []byte) error {
	if len(data) > maxFrame {
		return errFrameTooLarge
	}
	frame := make([]byte, 4+len(data))
	binary.BigEndian.PutUint32(frame, uint32(len(data)))
	copy(frame[4:], data)
	_, err := w.Write(frame)
	return err
}

// writeAck writes an acknowledgement and closes the connection.
func writeAck(conn net.Conn, id, refusal string) error {
	defer conn.Close()
	data, err := (&Response{ID: id, Error: refusal}).encode()
	if err != nil {
		return err
	}
	if err := writeFrame(conn, data); err != nil {
		return err
	}
	if refusal == errFrameTooLarge.Error() {
		discard(conn)
	}
	return nil
}

// discard reads for a while what is left of a refused frame, so that the
// sender, who may still be writing, gets to the acknowledgement.
func discard(conn net.Conn) {
	if half, ok := conn.(*net.UnixConn); ok {
		half.CloseWrite()
	}
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	io.Copy(io.Discard, io.LimitReader(conn, 4*maxFrame))
}

// dialUnix connects to a unix socket. A full queue of the listener shows as
// EAGAIN, and is tried again.
func dialUnix(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, "unix", path)
		if !errors.Is(err, syscall.EAGAIN) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// exchangeUnix sends one frame and returns the frame that acknowledges it.
func exchangeUnix(ctx context.Context, path string, data []byte) ([]byte, error) {
	conn, err := dialUnix(ctx, path)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	// A receiver may refuse a frame before it has read all of it, so a
	// broken write may have an acknowledgement waiting.
	writeErr := writeFrame(conn, data)
	if errors.Is(writeErr, errFrameTooLarge) {
		return nil, writeErr
	}
	ack, err := readFrame(conn)
	if err != nil && writeErr != nil {
		return nil, writeErr
	}
	if err == io.EOF {
		err = errors.New("closed without an acknowledgement")
	}
	return ack, err
}

// refusedError is an acknowledgement that did not accept the message.
type refusedError string

func (e refusedError) Error() string { return "refused: " + string(e) }

// send delivers a message to a unix or http URL and checks the
// acknowledgement.
func send(ctx context.Context, to *url.URL, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, ioTimeout)
	defer cancel()
	var ackData []byte
	var err error
	switch to.Scheme {
	case "unix":
		ackData, err = exchangeUnix(ctx, to.Path, data)
	case "http", "https":
		ackData, err = exchangeHTTP(ctx, to, data)
	default:
		err = fmt.Errorf("unknown URL scheme %q", to.Scheme)
	}
	if err != nil {
		return err
	}
	ack, err := decodeResponse(ackData)
	if err != nil {
		return fmt.Errorf("bad acknowledgement: %w", err)
	}
	if ack.Error != "" {
		return refusedError(ack.Error)
	}
	return nil
}

// listeners holds what is to be closed, and so unlinked, at the end.
var listeners = struct {
	sync.Mutex
	open map[*net.UnixListener]bool
}{open: map[*net.UnixListener]bool{}}

// listenUnix listens at a path, replacing a socket that a killed process left.
func listenUnix(path string) (*net.UnixListener, error) {
	addr := &net.UnixAddr{Name: path, Net: "unix"}
	l, err := net.ListenUnix("unix", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		conn, dialErr := net.DialTimeout("unix", path, time.Second)
		if dialErr == nil {
			conn.Close()
		}
		if errors.Is(dialErr, syscall.ECONNREFUSED) && os.Remove(path) == nil {
			l, err = net.ListenUnix("unix", addr)
		}
	}
	if err != nil {
		return nil, err
	}
	listeners.Lock()
	defer listeners.Unlock()
	listeners.open[l] = true
	return l, nil
}

// closeListener closes a listener and unlinks its socket.
func closeListener(l *net.UnixListener) {
	listeners.Lock()
	defer listeners.Unlock()
	if listeners.open[l] {
		delete(listeners.open, l)
		l.Close()
	}
}

// closeListeners closes every listener that is still open.
func closeListeners() {
	listeners.Lock()
	defer listeners.Unlock()
	for l := range listeners.open {
		delete(listeners.open, l)
		l.Close()
	}
}

// acceptLoop hands each connection, with a deadline, to a goroutine of its
// own until the listener is closed.
func acceptLoop(l *net.UnixListener, handle func(net.Conn)) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ECONNABORTED) {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		conn.SetDeadline(time.Now().Add(ioTimeout))
		go handle(conn)
	}
}

// unixURL is the URL of a unix socket.
func unixURL(path string) *url.URL {
	return &url.URL{Scheme: "unix", Path: path}
}
