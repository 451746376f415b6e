#!/usr/bin/env node
// Ranks the videos whose ids come on standard input, with a stock gRPC client and the proto files of ../proto.
//
//   node examples/rank.js HOST:PORT [USER] [LOCALE] [--tls-ca FILE [--tls-cert FILE --tls-key FILE]]
//       [--token-file FILE] < IDS
//
// Needs Node.js 18.3 or newer, and: npm install @grpc/grpc-js @grpc/proto-loader
// (or npm install -g, and NODE_PATH=$(npm root -g)).
'use strict';

const fs = require('fs');
const path = require('path');
const { parseArgs } = require('util');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const DEADLINE_MS = 5000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'tls-ca': { type: 'string' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
    'token-file': { type: 'string' },
  },
});

function readIfNamed(option) {
  return values[option] === undefined ? null : fs.readFileSync(values[option]);
}

// With TLS when a CA is given; its certificate must be for the host of the address.
function credentials() {
  if (values['tls-ca'] === undefined) {
    return grpc.credentials.createInsecure();
  }
  return grpc.credentials.createSsl(readIfNamed('tls-ca'), readIfNamed('tls-key'), readIfNamed('tls-cert'));
}

// What each call shows.
function metadata() {
  const result = new grpc.Metadata();
  const token = readIfNamed('token-file');
  if (token !== null) {
    result.set('authorization', 'Bearer ' + token.toString().trim());
  }
  return result;
}

function loadApi() {
  const definition = protoLoader.loadSync('reelrank/v1/ranking.proto', {
    includeDirs: [path.join(__dirname, '..', 'proto')],
    keepCase: true, // names as in the proto files
    longs: String,
    defaults: true,
    arrays: true,
  });
  return grpc.loadPackageDefinition(definition).reelrank.v1;
}

function print(response) {
  for (const video of response.slate) {
    console.log(`${String(video.position).padStart(3)} ${video.score.toFixed(4).padStart(9)}  ${video.video_id}`);
  }
  for (const video of response.dropped) {
    console.log(`  - ${video.rule.padStart(15)}  ${video.video_id}`);
  }
  console.log(`state ${response.state_sequence}, weights ${response.weights_version}`);
}

const [address, user = 'user-hi', locale = 'hi-IN'] = positionals;
if (address === undefined) {
  console.error('usage: rank.js HOST:PORT [USER] [LOCALE] [--tls-ca FILE] [--token-file FILE] < IDS');
  process.exit(2);
}
const client = new (loadApi().RankingService)(address, credentials());
const ids = fs.readFileSync(0, 'utf8').split('\n').map((line) => line.trim()).filter((line) => line !== '');
const request = { user_id: user, locale, age_years: 25, candidate_ids: ids };
client.Rank(request, metadata(), { deadline: Date.now() + DEADLINE_MS }, (error, response) => {
  if (error) {
    console.error(`rank.js: ${grpc.status[error.code]}: ${error.details}`);
    process.exitCode = 1;
  } else {
    print(response);
  }
  client.close();
});
