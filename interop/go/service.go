package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"syscall"
	"time"
)

// answer is the outcome of a task.
type answer struct {
	result *json.RawMessage
	stream *url.URL
	err    error
	times  int // how often it is sent
}

// service runs tasks for those who connect to its socket.
type service struct {
	dir   string // of the socket, and so of the streams
	tasks map[string]func(*Request) answer
}

// runService serves until the listener is closed by a signal.
func runService(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	l, err := listenUnix(path)
	if err != nil {
		return err
	}
	defer closeListener(l)
	s := &service{dir: filepath.Dir(path)}
	s.tasks = map[string]func(*Request) answer{
		"echo":    echo,
		"parsed":  parsed,
		"fail":    fail,
		"sleep":   sleep,
		"silent":  func(*Request) answer { return answer{} },
		"twice":   func(req *Request) answer { return answer{result: req.Args, times: 2} },
		"stream":  func(req *Request) answer { return s.stream(req, false) },
		"cut":     func(req *Request) answer { return s.stream(req, true) },
		"suicide": func(req *Request) answer { return s.stream(req, true) },
		"consume": consume,
	}
	fmt.Println("ready")
	return acceptLoop(l, s.serve)
}

// serve takes one Request, acknowledges it, and works afterwards.
func (s *service) serve(conn net.Conn) {
	data, err := readFrame(conn)
	if err == io.EOF {
		conn.Close()
		return
	}
	if errors.Is(err, errFrameTooLarge) {
		writeAck(conn, "", err.Error())
		return
	}
	if err != nil {
		writeAck(conn, "", "bad-frame: "+err.Error())
		return
	}
	req, err := decodeRequest(data)
	if err != nil {
		id := ""
		if req != nil {
			id = req.ID
		}
		writeAck(conn, id, "bad-request: "+err.Error())
		return
	}
	if req.Task == "refuse" {
		writeAck(conn, req.ID, "refused by the peer")
		return
	}
	task, ok := s.tasks[req.Task]
	if !ok {
		writeAck(conn, req.ID, fmt.Sprintf("unknown-task: %s", req.Task))
		return
	}
	if err := writeAck(conn, req.ID, ""); err != nil {
		logf("%s: acknowledgement: %v", req.ID, err)
		return
	}
	a := task(req)
	for i := 0; i < a.times; i++ {
		if err := respond(req, a); err != nil {
			logf("%s: response: %v", req.ID, err)
		}
	}
}

// respond sends the outcome to the response hook.
func respond(req *Request, a answer) error {
	if req.ResponseHook == nil {
		return errors.New("no response hook")
	}
	res := &Response{ID: req.ID, Result: a.result, StreamURL: a.stream}
	if a.err != nil {
		res = &Response{ID: req.ID, Error: a.err.Error()}
	}
	data, err := res.encode()
	if err == nil && len(data) > maxFrame {
		err = errFrameTooLarge
	}
	if err != nil {
		data, err = (&Response{ID: req.ID, Error: err.Error()}).encode()
	}
	if err != nil {
		return err
	}
	return send(context.Background(), req.ResponseHook, data)
}

// failed is an error to be sent once.
func failed(err error) answer {
	return answer{err: err, times: 1}
}

func echo(req *Request) answer {
	return answer{result: req.Args, times: 1}
}

func fail(req *Request) answer {
	var text string
	if req.Args == nil || json.Unmarshal(*req.Args, &text) != nil || text == "" {
		text = "failed"
	}
	return failed(errors.New(text))
}

func sleep(req *Request) answer {
	var millis float64
	if err := unmarshalArgs(req, &millis); err != nil {
		return failed(err)
	}
	time.Sleep(time.Duration(millis * float64(time.Millisecond)))
	return echo(req)
}

func consume(req *Request) answer {
	if req.StreamURL == nil {
		return failed(errors.New("bad-request: stream_url: null"))
	}
	d, err := readStream(req.StreamURL)
	if err != nil {
		return failed(fmt.Errorf("stream: %w", err))
	}
	return answer{result: rawJSON(d), times: 1}
}

// stream answers with a stream of deterministic bytes, which may end with
// the death of the process in its middle.
func (s *service) stream(req *Request, suicide bool) answer {
	var args struct {
		Bytes int64 `json:"bytes"`
	}
	if err := unmarshalArgs(req, &args); err != nil {
		return failed(err)
	}
	if args.Bytes < 0 {
		return failed(errors.New("bad-args: bytes: negative"))
	}
	u, err := newStream(s.dir, func(w io.Writer) error {
		if !suicide {
			return writeBytes(w, args.Bytes)
		}
		err := writeBytes(w, args.Bytes/2)
		syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		return err
	})
	if err != nil {
		return failed(err)
	}
	return answer{result: rawJSON(digestOf(args.Bytes)), stream: u, times: 1}
}

func unmarshalArgs(req *Request, dest interface{}) error {
	if req.Args == nil {
		return errors.New("bad-args: null")
	}
	if err := json.Unmarshal(*req.Args, dest); err != nil {
		return fmt.Errorf("bad-args: %w", err)
	}
	return nil
}
