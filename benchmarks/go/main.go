// Command streams writes, reads, relays and proxies streams with io.Copy, as
// the yardstick for the same things in Node.js. It prints ready and answers
// questions on standard input, one line of JSON each, with one line on standard
// output.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type question struct {
	Ask   string `json:"ask"`
	URL   string `json:"url"`
	Bytes int64  `json:"bytes"`
}

type answer map[string]interface{}

var (
	directory string
	streams   int
	httpURL   string
)

func main() {
	directory = os.Args[1]
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var q question
		a, err := answer(nil), json.Unmarshal(lines.Bytes(), &q)
		if err == nil {
			a, err = q.answer()
		}
		if err != nil {
			a = answer{"failed": err.Error()}
		}
		text, _ := json.Marshal(a)
		fmt.Println(string(text))
	}
}

func (q question) answer() (answer, error) {
	switch q.Ask {
	case "open":
		return serve(func(conn net.Conn) error {
			_, err := io.Copy(conn, &source{left: q.Bytes})
			return err
		})
	case "relay":
		return serve(func(conn net.Conn) error {
			from, err := dial(q.URL)
			if err != nil {
				return err
			}
			defer from.Close()
			_, err = io.Copy(conn, from)
			return err
		})
	case "proxy":
		return proxy(q.URL)
	case "read":
		return read(q.URL)
	case "usage":
		return usage()
	}
	return nil, fmt.Errorf("no such question: %q", q.Ask)
}

// serve runs handle for the first that connects to a new socket.
func serve(handle func(net.Conn) error) (answer, error) {
	streams++
	path := filepath.Join(directory, fmt.Sprintf("go-%d-%d.sock", os.Getpid(), streams))
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	go func() {
		defer listener.Close()
		conn, err := listener.Accept()
		if err == nil {
			err = handle(conn)
			conn.Close()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "streams:", err)
		}
	}()
	return answer{"url": "unix://" + path}, nil
}

// proxy gives the URL at which a unix stream can be read over HTTP.
func proxy(target string) (answer, error) {
	if httpURL == "" {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			from, err := dial(r.URL.Query().Get("addr"))
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
			defer from.Close()
			io.Copy(w, from)
		}))
		httpURL = "http://" + listener.Addr().String() + "/"
	}
	return answer{"url": httpURL + "?addr=" + url.QueryEscape(target)}, nil
}

func dial(unixURL string) (net.Conn, error) {
	return net.Dial("unix", strings.TrimPrefix(unixURL, "unix://"))
}

// read reads a unix or an http stream to its end.
func read(from string) (answer, error) {
	startedAt := time.Now()
	var body io.ReadCloser
	if strings.HasPrefix(from, "http:") {
		response, err := http.Get(from)
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("status %d", response.StatusCode)
		}
		body = response.Body
	} else {
		conn, err := dial(from)
		if err != nil {
			return nil, err
		}
		body = conn
	}
	defer body.Close()
	bytes, err := io.Copy(discard{}, body)
	return answer{"bytes": bytes, "seconds": time.Since(startedAt).Seconds()}, err
}

// peakPattern finds the largest resident set of a process.
var peakPattern = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// usage asks the system. Where there is no /proc the peak is that of Getrusage,
// which begins with what the parent had.
func usage() (answer, error) {
	var used syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	kib := float64(used.Maxrss)
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if found := peakPattern.FindSubmatch(status); found != nil {
			kib, _ = strconv.ParseFloat(string(found[1]), 64)
		}
	}
	cpu := time.Duration(used.Utime.Nano() + used.Stime.Nano())
	return answer{"cpuSeconds": cpu.Seconds(), "peakMiB": kib / 1024}, err
}

// source gives the same bytes again and again, as the other contestants do:
// memory that nobody has written would be one page of zeros, and faster.
type source struct {
	left     int64
	isFilled bool
}

func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if s.left < int64(len(p)) {
		p = p[:s.left]
	}
	if !s.isFilled {
		s.isFilled = true
		for i := range p {
			p[i] = 'a'
		}
	}
	s.left -= int64(len(p))
	return len(p), nil
}

// discard is io.Discard without its reading in pieces of 8 KiB.
type discard struct{}

func (discard) Write(p []byte) (int, error) {
	return len(p), nil
}
