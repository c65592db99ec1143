package agent_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestBusyTLSClientsAreAllAnsweredAndToldToLeave(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major, certificate(t)...)
		keepBusyUntilDrained(t, w, func() *client { return dialTLS(t, w.address()) })
	})
}

func TestIdleTLSConnectionIsEndedAfterTheGraceOnly(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major, certificate(t)...)
		answered, unheard := dialTLS(t, w.address()), dialTLS(t, w.address())
		answered.ask("/")
		answered.wants(hello)
		asked := time.Now()
		w.drain()
		answered.wantsEnd()
		if grace := time.Since(asked); grace < 2*time.Second {
			t.Errorf("the connection that was answered before was ended after %v, want 2 s or more", grace)
		}
		unheard.wantsEnd()
		if grace := time.Since(asked); grace < 5*time.Second {
			t.Errorf("the connection without a request was ended after %v, want 5 s or more", grace)
		}
		w.await("drained")
	})
}

func TestConnectionWithoutAHandshakeGetsToSpeak(t *testing.T) {
	onEach(t, func(t *testing.T, major int) {
		w := startApp(t, major, certificate(t)...)
		speaks, silent := dial(t, w.address()), dial(t, w.address())
		w.await(`"connection"`)
		w.await(`"connection"`)
		asked := time.Now()
		w.drain()

		spoke := newClient(t, tls.Client(speaks.conn, &tls.Config{InsecureSkipVerify: true}))
		spoke.ask("/")
		spoke.wants(helloLast)
		spoke.wantsEnd()

		silent.wantsEnd()
		if grace := time.Since(asked); grace < 5*time.Second {
			t.Errorf("the silent connection was ended after %v, want 5 s or more", grace)
		}
		w.await("drained")
	})
}

// certificate makes what a TLS server needs, as environment of testdata/app.cjs.
func certificate(t *testing.T) []string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"app"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return []string{
		"CERT=" + write("cert.pem", "CERTIFICATE", cert),
		"KEY=" + write("key.pem", "PRIVATE KEY", secret),
	}
}
