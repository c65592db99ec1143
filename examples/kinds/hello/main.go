// Command hello answers with the number of its process.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:3005", "address")
	flag.Parse()
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"pid": %d}`, os.Getpid())
	})
	log.Fatal(http.ListenAndServe(*listen, nil))
}
