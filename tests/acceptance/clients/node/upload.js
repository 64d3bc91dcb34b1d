// Uploads one file as a district's job would: put, fastPut, put and rename, or from a pipe.
'use strict';
const fs = require('node:fs');
const net = require('node:net');
const Client = require('ssh2-sftp-client');

const [way, port, username, keyFile, fingerprint, local, remote] = process.argv.slice(2);
const expected = Buffer.from(fingerprint.replace('SHA256:', ''), 'base64').toString('hex');

const ways = {
  put: (sftp) => sftp.put(local, remote),
  fastPut: (sftp) => sftp.fastPut(local, remote),
  pipe: (sftp) => sftp.put(process.stdin, remote),
  rename: async (sftp) => {
    await sftp.put(local, `${remote}.part`);
    await sftp.rename(`${remote}.part`, remote);
  },
};

async function main() {
  const sftp = new Client();
  await sftp.connect({
    // A socket of our own only for this: put() waits for each answer, and with Nagle's
    // algorithm each then takes 40 ms on a local connection.
    sock: net.connect({ host: '127.0.0.1', port: Number(port), noDelay: true }),
    username,
    privateKey: fs.readFileSync(keyFile),
    hostHash: 'sha256',
    hostVerifier: (hash) => hash === expected,
  });
  try {
    await ways[way](sftp);
  } finally {
    await sftp.end();
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
