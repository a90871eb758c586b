module example.invalid/call-from-go

go 1.19
