package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// received is a Response together with the bytes that it came as.
type received struct {
	res *Response
	raw []byte
}

// client sends Requests and waits for the Responses on a hook of its own.
type client struct {
	to      *url.URL
	task    string
	args    *json.RawMessage
	stream  *url.URL
	timeout time.Duration

	hook    *url.URL
	close   func()
	mu      sync.Mutex
	waiting map[string]chan received
}

// listen opens the response hook: a unix socket at path, or in a directory of
// its own where path is empty, or an HTTP listener.
func (c *client) listen(path string, overHTTP bool) error {
	c.waiting = map[string]chan received{}
	if overHTTP {
		u, server, err := serveHook(c.accept)
		if err != nil {
			return err
		}
		c.hook = u
		c.close = func() { shutdown(server) }
		return nil
	}
	dir := ""
	if path == "" {
		var err error
		if dir, err = os.MkdirTemp("", "acomm-"); err != nil {
			return err
		}
		removeAtExit(dir)
		path = filepath.Join(dir, "hook.sock")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	l, err := listenUnix(path)
	if err != nil {
		return err
	}
	c.hook = unixURL(path)
	c.close = func() { closeListener(l) }
	go acceptLoop(l, c.serve)
	return nil
}

func shutdown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
}

// serve takes one Response from a connection to the unix hook.
func (c *client) serve(conn net.Conn) {
	data, err := readFrame(conn)
	if err != nil {
		if errors.Is(err, errFrameTooLarge) {
			writeAck(conn, "", err.Error())
		}
		conn.Close()
		return
	}
	ack, done := c.accept(data)
	if err := writeAck(conn, ack.ID, ack.Error); err != nil {
		logf("hook: acknowledgement: %v", err)
	}
	done()
}

// accept finds the Request that a Response belongs to. The caller writes the
// acknowledgement and then calls done, which wakes the one who waits.
func (c *client) accept(data []byte) (ack *Response, done func()) {
	done = func() {}
	res, err := decodeResponse(data)
	if err == nil && res.ID == "" {
		err = errors.New("id: empty")
	}
	if err != nil {
		logf("hook: %v", err)
		return &Response{Error: "bad-response: " + err.Error()}, done
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ch, ok := c.waiting[res.ID]
	if !ok {
		return &Response{ID: res.ID, Error: "unknown-id: " + res.ID}, done
	}
	delete(c.waiting, res.ID)
	return &Response{ID: res.ID}, func() { ch <- received{res, data} }
}

// call sends one Request and waits for its Response.
func (c *client) call(id string) (received, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	ch := make(chan received, 1)
	c.mu.Lock()
	c.waiting[id] = ch
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
	}()
	req := &Request{ID: id, Task: c.task, ResponseHook: c.hook, StreamURL: c.stream, Args: c.args}
	data, err := req.encode()
	if err != nil {
		return received{}, err
	}
	if err := send(ctx, c.to, data); err != nil {
		return received{}, err
	}
	select {
	case r := <-ch:
		return r, nil
	case <-ctx.Done():
		return received{}, fmt.Errorf("timeout: no response in %v", c.timeout)
	}
}

// requestID is unique among the requests of this process and its siblings.
func requestID(n int) string {
	return fmt.Sprintf("go-%d-%d", os.Getpid(), n)
}

// single makes one call and prints its outcome. It returns the exit code.
func (c *client) single() int {
	r, err := c.call(requestID(1))
	if err != nil {
		logf("%v", err)
		return exitOther
	}
	out := struct {
		Error     string           `json:"error"`
		Result    *json.RawMessage `json:"result"`
		StreamURL string           `json:"stream_url"`
		Raw       string           `json:"raw"`
	}{Error: r.res.Error, Result: r.res.Result, Raw: string(r.raw)}
	if r.res.StreamURL != nil {
		out.StreamURL = r.res.StreamURL.String()
	}
	printJSON(out)
	if r.res.Error != "" {
		return exitError
	}
	return exitOK
}

// summary is what many calls came to.
type summary struct {
	Sent     int   `json:"sent"`
	Answered int   `json:"answered"` // a Response came, of either kind
	Failed   int   `json:"failed"`   // an error Response, or none
	Millis   int64 `json:"millis"`
}

// many makes count calls, at most parallel at once, and prints the summary.
// It returns the exit code.
func (c *client) many(count, parallel int) int {
	ids := make(chan string)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	sum := summary{Sent: count}
	started := time.Now()
	for i := 0; i < parallel; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for id := range ids {
				r, err := c.call(id)
				mu.Lock()
				if err == nil {
					sum.Answered++
				} else if first == nil {
					first = err
				}
				if err != nil || r.res.Error != "" {
					sum.Failed++
				}
				mu.Unlock()
			}
		}()
	}
	for n := 1; n <= count; n++ {
		ids <- requestID(n)
	}
	close(ids)
	wg.Wait()
	sum.Millis = time.Since(started).Milliseconds()
	printJSON(sum)
	switch {
	case first != nil:
		logf("%d without a response, the first: %v", sum.Sent-sum.Answered, first)
		return exitOther
	case sum.Failed > 0:
		return exitError
	}
	return exitOK
}
