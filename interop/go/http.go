package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// httpClient follows no redirect, uses no proxy and leaves bodies as they are.
var httpClient = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			d := net.Dialer{Timeout: ioTimeout}
			conn, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return idleConn{conn}, nil
		},
		DisableCompression: true,
		DisableKeepAlives:  true,
	},
}

// exchangeHTTP posts a message and returns the body that acknowledges it.
func exchangeHTTP(ctx context.Context, to *url.URL, data []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := httpClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("http status %d", res.StatusCode)
	}
	return readBody(res.Body)
}

// openHTTP opens a stream. Its body fails if it breaks off.
func openHTTP(u *url.URL) (io.ReadCloser, error) {
	res, err := httpClient.Get(u.String())
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("http status %d", res.StatusCode)
	}
	return res.Body, nil
}

// readBody reads a message that came by HTTP.
func readBody(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFrame+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFrame {
		return nil, errFrameTooLarge
	}
	return data, nil
}

// serveHook listens on a free port of the loopback for Responses. What accept
// returns is the acknowledgement; done runs once that has been written.
func serveHook(accept func([]byte) (ack *Response, done func())) (*url.URL, *http.Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	handle := func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
			return
		}
		data, err := readBody(r.Body)
		if err != nil && !errors.Is(err, errFrameTooLarge) {
			return
		}
		ack, done := &Response{Error: errFrameTooLarge.Error()}, func() {}
		if err == nil {
			ack, done = accept(data)
		}
		defer done()
		body, err := ack.encode()
		if err != nil {
			logf("hook: %v", err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body)
		w.(http.Flusher).Flush()
	}
	server := &http.Server{
		Handler:      http.HandlerFunc(handle),
		ReadTimeout:  ioTimeout,
		WriteTimeout: ioTimeout,
	}
	go server.Serve(l)
	return &url.URL{Scheme: "http", Host: l.Addr().String(), Path: "/"}, server, nil
}
