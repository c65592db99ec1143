package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gopm/gopm/test/load"
	"github.com/gopm/gopm/test/site"
)

func TestWhereAnAppMayListen(t *testing.T) {
	s := boot(t, four)
	s.must(s.Deploy(site.Greedy))
	s.must(s.Start(t.Context()))
	s.exactly(workers)

	want := map[string]string{
		"cluster.isWorker":        "true",
		"low port":                "EACCES",
		"one address of the port": "EADDRNOTAVAIL",
		"unix socket":             "EACCES",
		"the port again":          "EADDRINUSE",
	}
	// One after the other of the four.
	for range workers {
		var tried map[string]string
		s.eventually("a worker has tried everything", func() bool {
			tried = map[string]string{}
			s.must(json.Unmarshal([]byte(s.get("http://"+site.Address+"/tried")), &tried))
			return len(tried) >= len(want)
		})
		delete(tried, "other port")
		if !maps.Equal(tried, want) {
			t.Errorf("the app tried %v, want %v", tried, want)
		}
	}
	journal, err := s.Journal(t.Context(), site.Activator)
	s.must(err)
	for _, line := range []string{
		`may not listen on "/tmp/greedy.sock": a Unix socket must be declared by the app's socket unit (ListenStream=)`,
		`may not listen on port 81: a port below 1024 must be declared by the app's socket unit (ListenStream=)`,
		`may not listen on "127.0.0.1" port 3000: its socket listens on [::]:3000, which is more than the app wants; set ListenStream=127.0.0.1:3000 in the socket unit, or listen without an address`,
	} {
		if !strings.Contains(journal, line) {
			t.Errorf("the journal of the activator lacks %q:\n%s", line, journal)
		}
	}

	// A port that only instance 0 has, through a kill and a reload.
	s.greeted()
	s.systemctl("kill", "--signal=SIGKILL", site.Activator)
	s.greeted()
	s.lossless(s.under(load.PerRequest, func() {
		// systemctl would do nothing where the activator is not back yet.
		_, err := s.Run(t.Context(), "gopm-activator", "reload", "my-api")
		s.must(err)
	}))
	s.greeted()
	s.exactly(workers)
}

// greeted checks that the app's other port answers.
func (s scenario) greeted() {
	s.t.Helper()
	conn, err := s.Dial(s.t.Context(), "tcp", "127.0.0.1:9100")
	s.must(err)
	defer conn.Close()
	s.must(conn.SetDeadline(time.Now().Add(10 * time.Second)))
	if text, err := io.ReadAll(conn); err != nil || string(text) != "greedy" {
		s.t.Errorf("port 9100 says %q, %v", text, err)
	}
}

func TestHTTPS(t *testing.T) {
	s := boot(t, four)
	key, certificate := selfSigned(t)
	s.must(s.WriteFile(site.Root+"/key.pem", key))
	s.must(s.WriteFile(site.Root+"/cert.pem", certificate))
	s.must(s.Deploy(site.Secure))
	s.must(s.Start(t.Context()))
	old := s.exactly(workers)
	answered := map[string]bool{}
	for range workers {
		answered[s.get("https://"+site.Address)] = true
	}
	if len(answered) != workers {
		t.Errorf("%d workers answered, want %d: %v", len(answered), workers, answered)
	}
	s.must(s.Reload(t.Context()))
	s.replaced(old)
	s.get("https://" + site.Address)
}

// get asks for an address on a new connection.
func (s scenario) get(url string) string {
	s.t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext:       s.Dial,
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	}}
	response, err := client.Get(url)
	s.must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	s.must(err)
	return string(body)
}

// selfSigned makes a key and a certificate, both in PEM.
func selfSigned(t *testing.T) (key, certificate string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public}))
}
