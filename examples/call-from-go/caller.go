package main

import (
	"encoding/json"
	"errors"
	"net"
	"time"
)

// #region call

// call runs a task at the service behind a socket and gives its result.
func call(socket, task string, args json.RawMessage, timeout time.Duration) (json.RawMessage, error) {
	connection, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err // it surely did not run
	}
	defer connection.Close() // whoever hangs up takes the request back
	connection.SetDeadline(time.Now().Add(timeout))

	request := Request{ID: "1", Task: task, Args: args, Ext: map[string]any{"reply": true, "timeout": timeout.Milliseconds()}}
	if err := writeFrame(connection, request); err != nil {
		return nil, err
	}
	// first the acknowledgement, then the answer
	for frames := 0; frames < 2; frames++ {
		var response Response
		if err := readFrame(connection, &response); err != nil {
			return nil, err
		}
		if response.Error != "" {
			return nil, errors.New(response.Error)
		}
		if response.ID == request.ID {
			return response.Result, nil
		}
	}
	return nil, errors.New("no answer came on the connection")
}

// #endregion
