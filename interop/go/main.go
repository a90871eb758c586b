// Command peer speaks the acomm base protocol. It is written from the
// protocol's description alone, to be tried against other implementations.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// The exit codes.
const (
	exitOK    = 0
	exitError = 1 // the peer answered with an error, or a stream broke
	exitOther = 2 // anything else: usage, refusal, timeout
)

const usage = `usage: peer service|client|bench|read|source [flags]
  service -socket PATH [-measured]
  client  -socket PATH | -url URL  -task T [-args JSON] [-stream URL]
          [-hook PATH | -httphook] [-timeout 5s] [-count N [-parallel P]]
  bench   -socket PATH
  read    -url URL
  source  -socket PATH -bytes N
Each takes -io-timeout 30s.
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(exitOther)
	}
	commands := map[string]func(*flag.FlagSet, []string) int{
		"service": serviceCommand,
		"client":  clientCommand,
		"bench":   benchCommand,
		"read":    readCommand,
		"source":  sourceCommand,
	}
	name := os.Args[1]
	command, ok := commands[name]
	if !ok {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(exitOther)
	}
	onSignal(name == "service")
	flags := flag.NewFlagSet("peer "+name, flag.ExitOnError)
	flags.DurationVar(&ioTimeout, "io-timeout", ioTimeout, "limit of an exchange, and of one read or write of a stream")
	exit(command(flags, os.Args[2:]))
}

// onSignal makes SIGTERM and SIGINT end the process, without its sockets
// staying behind. It is the regular end of a service only.
func onSignal(regular bool) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		if regular {
			exit(exitOK)
		}
		exit(exitOther)
	}()
}

func serviceCommand(flags *flag.FlagSet, args []string) int {
	socket := flags.String("socket", "", "path of the unix socket")
	measured := flags.Bool("measured", false, "answer questions for the use of the machine, and end with the input")
	parse(flags, args)
	if *socket == "" {
		return misuse("-socket is missing")
	}
	if *measured {
		go func() { exit(result(answerQuestions(os.Stdin, nil))) }()
	}
	return result(runService(*socket))
}

func clientCommand(flags *flag.FlagSet, args []string) int {
	socket := flags.String("socket", "", "path of the unix socket of the service")
	to := flags.String("url", "", "URL of the service, instead of -socket")
	task := flags.String("task", "", "task to run")
	taskArgs := flags.String("args", "null", "JSON arguments of the task")
	stream := flags.String("stream", "", "stream URL of the request")
	hook := flags.String("hook", "", "path of the response hook's unix socket (default: a temporary one)")
	httpHook := flags.Bool("httphook", false, "use an HTTP response hook")
	timeout := flags.Duration("timeout", 5*time.Second, "limit of one call")
	count := flags.Int("count", 0, "number of calls; prints a summary")
	parallel := flags.Int("parallel", 1, "calls at once, with -count")
	parse(flags, args)
	if (*socket == "") == (*to == "") {
		return misuse("one of -socket and -url is needed")
	}
	if *task == "" {
		return misuse("-task is missing")
	}
	if *count < 0 || *parallel < 1 {
		return misuse("-count or -parallel is out of range")
	}
	if !json.Valid([]byte(*taskArgs)) {
		return misuse("-args is not JSON")
	}
	raw := json.RawMessage(*taskArgs)
	c := &client{task: *task, args: &raw, timeout: *timeout}
	var err error
	if *to == "" {
		path, err := filepath.Abs(*socket)
		if err != nil {
			return misuse(err.Error())
		}
		c.to = unixURL(path)
	} else if c.to, err = url.Parse(*to); err != nil {
		return misuse(err.Error())
	}
	if *stream != "" {
		if c.stream, err = url.Parse(*stream); err != nil {
			return misuse(err.Error())
		}
	}
	if err := c.listen(*hook, *httpHook); err != nil {
		return misuse(err.Error())
	}
	defer c.close()
	if *count > 0 {
		return c.many(*count, *parallel)
	}
	return c.single()
}

func benchCommand(flags *flag.FlagSet, args []string) int {
	socket := flags.String("socket", "", "path of the unix socket of the service")
	parse(flags, args)
	path, err := filepath.Abs(*socket)
	if err != nil || *socket == "" {
		return misuse("-socket is missing or not a path")
	}
	c := &client{to: unixURL(path), task: "parsed", timeout: ioTimeout}
	if err := c.listen("", false); err != nil {
		return result(err)
	}
	defer c.close()
	fmt.Println("ready")
	return result(answerQuestions(os.Stdin, c.measure))
}

func readCommand(flags *flag.FlagSet, args []string) int {
	source := flags.String("url", "", "URL of the stream")
	parse(flags, args)
	u, err := url.Parse(*source)
	if err != nil || *source == "" {
		return misuse("-url is missing or not a URL")
	}
	var out struct {
		digest
		Error string `json:"error"`
	}
	out.digest, err = readStream(u)
	if err != nil {
		out.Error = err.Error()
	}
	printJSON(out)
	if err != nil {
		return exitError
	}
	return exitOK
}

func sourceCommand(flags *flag.FlagSet, args []string) int {
	socket := flags.String("socket", "", "path of the unix socket")
	bytes := flags.Int64("bytes", 0, "number of bytes")
	parse(flags, args)
	if *socket == "" || *bytes < 0 {
		return misuse("-socket is missing, or -bytes is negative")
	}
	l, err := listenUnix(*socket)
	if err != nil {
		return result(err)
	}
	fmt.Println("ready")
	return result(serveStream(l, func(w io.Writer) error { return writeBytes(w, *bytes) }))
}

// parse reads the flags and takes nothing besides them.
func parse(flags *flag.FlagSet, args []string) {
	flags.Parse(args)
	if flags.NArg() > 0 {
		exit(misuse("unexpected argument: " + flags.Arg(0)))
	}
}

func result(err error) int {
	if err != nil {
		logf("%v", err)
		return exitOther
	}
	return exitOK
}

func misuse(text string) int {
	return result(errors.New(text))
}

// printJSON prints one line of JSON, with <, > and & left as they are.
func printJSON(v interface{}) {
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		logf("%v", err)
		exit(exitOther)
	}
}

func logf(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "peer: "+format+"\n", args...)
}

// leaving lets one goroutine end the process.
var leaving sync.Mutex

// temporary is the directory that is to be removed at the end.
var temporary struct {
	sync.Mutex
	dir string
}

func removeAtExit(dir string) {
	temporary.Lock()
	defer temporary.Unlock()
	temporary.dir = dir
}

// exit ends the process without leaving sockets behind.
func exit(code int) {
	leaving.Lock()
	closeListeners()
	temporary.Lock()
	if temporary.dir != "" {
		os.RemoveAll(temporary.dir)
	}
	os.Exit(code)
}
