package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"
)

// Request asks a peer to run a task. The keys are written in this order.
type Request struct {
	ID           string           `json:"id"`
	Task         string           `json:"task"`
	ResponseHook *url.URL         `json:"responsehook"`
	StreamURL    *url.URL         `json:"stream_url"`
	Args         *json.RawMessage `json:"args"`
}

// Response answers a Request, or acknowledges a message.
type Response struct {
	Error     string           `json:"error"`
	ID        string           `json:"id"`
	Result    *json.RawMessage `json:"result"`
	StreamURL *url.URL         `json:"stream_url"`
}

// member is one key of a message that is to be written.
type member struct {
	key   string
	value interface{}
}

// encode writes the Request as JSON, its args byte for byte.
func (r *Request) encode() ([]byte, error) {
	if err := checkSend("responsehook", r.ResponseHook); err != nil {
		return nil, err
	}
	if err := checkSend("stream_url", r.StreamURL); err != nil {
		return nil, err
	}
	return encodeObject(
		member{"id", r.ID},
		member{"task", r.Task},
		member{"responsehook", r.ResponseHook},
		member{"stream_url", r.StreamURL},
		member{"args", r.Args},
	)
}

// encode writes the Response as JSON, its result byte for byte.
func (r *Response) encode() ([]byte, error) {
	if err := checkSend("stream_url", r.StreamURL); err != nil {
		return nil, err
	}
	return encodeObject(
		member{"error", r.Error},
		member{"id", r.ID},
		member{"result", r.Result},
		member{"stream_url", r.StreamURL},
	)
}

// encodeObject writes the members with json.Marshal, except that raw JSON is
// copied: json.Marshal would compact it and escape <, > and & in it.
func encodeObject(members ...member) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", m.key)
		if raw, ok := m.value.(*json.RawMessage); ok && raw != nil {
			if !json.Valid(*raw) {
				return nil, fmt.Errorf("%s: not JSON", m.key)
			}
			b.Write(*raw)
			continue
		}
		data, err := json.Marshal(m.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.key, err)
		}
		b.Write(data)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// decodeRequest reads a Request and checks what the protocol demands of it.
func decodeRequest(data []byte) (*Request, error) {
	r := &Request{}
	if err := decode(data, r); err != nil {
		return nil, err
	}
	if r.ID == "" {
		return r, errors.New("id: empty")
	}
	if r.Task == "" {
		return r, errors.New("task: empty")
	}
	if err := checkReceived("responsehook", r.ResponseHook); err != nil {
		return r, err
	}
	return r, checkReceived("stream_url", r.StreamURL)
}

// decodeResponse reads a Response and checks what the protocol demands of it.
// The id may be empty here, since that of an acknowledgement may be.
func decodeResponse(data []byte) (*Response, error) {
	r := &Response{}
	if err := decode(data, r); err != nil {
		return nil, err
	}
	if r.Error != "" && r.Result != nil {
		return r, errors.New("result: present together with an error")
	}
	return r, checkReceived("stream_url", r.StreamURL)
}

func decode(data []byte, dest interface{}) error {
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return errors.New("not a JSON object")
	}
	return json.Unmarshal(data, dest)
}

// checkSend refuses credentials: the JSON form of a URL would drop them.
func checkSend(key string, u *url.URL) error {
	if u != nil && u.User != nil {
		return fmt.Errorf("%s: a URL with credentials can not be sent", key)
	}
	return nil
}

// checkReceived refuses an opaque URL, and takes the empty User object that
// stands for dropped credentials as no user.
func checkReceived(key string, u *url.URL) error {
	if u == nil {
		return nil
	}
	if u.Opaque != "" {
		return fmt.Errorf("%s: opaque URL", key)
	}
	u.User = nil
	return nil
}

// rawJSON marshals a value of this program's own, which can not fail.
func rawJSON(v interface{}) *json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	raw := json.RawMessage(data)
	return &raw
}
