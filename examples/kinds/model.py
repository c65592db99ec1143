"""Answers with the number of its process."""

import argparse
import http.server
import json
import os

options = argparse.ArgumentParser()
options.add_argument('--port', type=int)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({'pid': os.getpid()}).encode())


http.server.HTTPServer(('127.0.0.1', options.parse_args().port), Handler).serve_forever()
