package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// round is one measurement that the benchmark asks a client for.
type round struct {
	Seconds  float64         `json:"seconds"`
	InFlight int             `json:"inFlight"`
	Args     json.RawMessage `json:"args"`
}

// machineUse is what this process has used of the machine since it began.
type machineUse struct {
	CPUSeconds float64 `json:"cpuSeconds"`
	PeakMiB    float64 `json:"peakMiB"`
}

// roundResult is what came of a round.
type roundResult struct {
	Calls   int     `json:"calls"`
	Seconds float64 `json:"seconds"`
	P50Ms   float64 `json:"p50Ms"`
	P99Ms   float64 `json:"p99Ms"`
	machineUse
}

// parsed answers with args that were read into values and written anew, as a
// service does that looks at them.
func parsed(req *Request) answer {
	var args interface{}
	if err := unmarshalArgs(req, &args); err != nil {
		return failed(err)
	}
	return answer{result: rawJSON(args), times: 1}
}

// question is what the benchmark asks a process: its use of the machine, or a
// round.
type question struct {
	Ask string `json:"ask"`
	round
}

// answerQuestions answers each question with a line, until the input ends.
// measure is nil where no rounds are made.
func answerQuestions(in io.Reader, measure func(round) (*roundResult, error)) error {
	questions := json.NewDecoder(in)
	for {
		var q question
		err := questions.Decode(&q)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var found interface{}
		switch {
		case q.Ask == "usage":
			found = used()
		case q.Ask == "measure" && measure != nil:
			found, err = measure(q.round)
		default:
			err = fmt.Errorf("no such question: %q", q.Ask)
		}
		if err != nil {
			found = map[string]string{"failed": err.Error()}
		}
		printJSON(found)
	}
}

// measure makes calls for a while, after one whose answer is looked at.
func (c *client) measure(r round) (*roundResult, error) {
	if r.InFlight < 1 {
		return nil, errors.New("inFlight: under 1")
	}
	var sent, answered interface{}
	if err := json.Unmarshal(r.Args, &sent); err != nil {
		return nil, err
	}
	c.args = &r.Args
	if err := c.callParsed(&answered); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(sent, answered) {
		return nil, errors.New("the answer is not the args")
	}

	before := used()
	started := time.Now()
	ends := started.Add(time.Duration(r.Seconds * float64(time.Second)))
	times := make([][]time.Duration, r.InFlight)
	errs := make([]error, r.InFlight)
	var wg sync.WaitGroup
	for i := 0; i < r.InFlight; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			for from := time.Now(); from.Before(ends) && errs[i] == nil; from = time.Now() {
				var result interface{}
				errs[i] = c.callParsed(&result)
				times[i] = append(times[i], time.Since(from))
			}
		}(i)
	}
	wg.Wait()
	took := time.Since(started)
	after := used()

	var all []time.Duration
	for i, own := range times {
		if errs[i] != nil {
			return nil, errs[i]
		}
		all = append(all, own...)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(part float64) float64 { return all[int(float64(len(all))*part)].Seconds() * 1000 }
	return &roundResult{
		Calls:      len(all),
		Seconds:    took.Seconds(),
		P50Ms:      at(0.5),
		P99Ms:      at(0.99),
		machineUse: machineUse{after.CPUSeconds - before.CPUSeconds, after.PeakMiB},
	}, nil
}

// callCount numbers the calls of callParsed.
var callCount int64

// callParsed makes one call, and reads its result into values.
func (c *client) callParsed(dest interface{}) error {
	r, err := c.call(requestID(int(atomic.AddInt64(&callCount, 1))))
	if err != nil {
		return err
	}
	if r.res.Error != "" {
		return errors.New(r.res.Error)
	}
	return json.Unmarshal(*r.res.Result, dest)
}

// peakPattern finds the largest resident set of a process.
var peakPattern = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// used asks the system. Where there is no /proc the peak is that of Getrusage,
// which begins with what the parent had.
func used() machineUse {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		logf("getrusage: %v", err)
	}
	kib := float64(ru.Maxrss)
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if found := peakPattern.FindSubmatch(status); found != nil {
			kib, _ = strconv.ParseFloat(string(found[1]), 64)
		}
	}
	cpu := time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	return machineUse{cpu.Seconds(), kib / 1024}
}
