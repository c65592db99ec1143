// Reading a file starts no program.
'use strict'

for (const name of ['exec', 'execSync', 'execFile', 'execFileSync', 'spawn', 'spawnSync', 'fork']) {
  exports[name] = command => {
    const what = command === undefined ? '' : JSON.stringify(String(command))
    let hint = 'write its result into the file'
    if (/\bgit\b/.test(what)) hint = 'write the revision into the file, or into a variable when you build'
    if (/\bwhich\b|command -v/.test(what)) hint = 'write the bare name of the program: systemd finds it in PATH'
    if (/\bnproc\b/.test(what)) hint = 'write instances: "max"'
    if (/\bhostname\b/.test(what)) hint = 'use os.hostname()'
    host.refuse('ERR_ACCESS_DENIED', 'child_process.' + name + '(' + what + ') starts a program, which a file cannot while it is read', hint + '; or ' + host.letNode)
  }
}
