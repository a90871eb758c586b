module example.invalid/acomm-interop

go 1.19
