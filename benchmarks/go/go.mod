module example.invalid/acomm-benchmarks

go 1.19
