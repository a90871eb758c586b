// Command call-from-go calls a task, or serves one.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

func main() {
	if len(os.Args) == 5 && os.Args[1] == "call" {
		// #region use
		result, err := call(os.Args[2], os.Args[3], json.RawMessage(os.Args[4]), 5*time.Second)
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		fmt.Println("result:", string(result))
		// #endregion
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		err := serve(os.Args[2], "add", func(args json.RawMessage) (any, error) {
			var numbers []float64
			if err := json.Unmarshal(args, &numbers); err != nil {
				return nil, err
			}
			sum := 0.0
			for _, number := range numbers {
				sum += number
			}
			return sum, nil
		})
		fmt.Println(err)
	}
	os.Exit(2)
}
