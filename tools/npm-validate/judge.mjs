// Judges what Homeward writes by programs that others wrote: the npm package fhir
// (a validator and a converter for R4) and fhirpath (HL7's FHIRPath tests pass it).
// It reads one JSON request a line from standard input and answers one JSON line.
// It is used by tests only, and asks no network.
//
//   {"do":"validate","resource":{...}}        -> {"valid":true,"messages":[...]}
//   {"do":"xml","resource":{...}}             -> {"xml":"..."}
//   {"do":"json","xml":"..."}                 -> {"resource":{...}}
//   {"do":"path","expression":"...","resource":{...}} -> {"found":[...]}
import { createRequire } from "node:module";
import readline from "node:readline";

// The packages are in a cache beside us, not in this folder.
const require = createRequire(process.env.HOMEWARD_NPM + "/package.json");
const { Fhir, Versions, ParseConformance } = require("fhir");
const fhirpath = require("fhirpath");
const r4 = require("fhirpath/fhir-context/r4");
const parser = new ParseConformance(true, Versions.R4);
const fhir = new Fhir(parser);

const judges = {
  validate: ({ resource }) => {
    const r = fhir.validate(resource, { errorOnUnexpected: true });
    return { valid: r.valid, messages: r.messages.map((m) => ({ severity: m.severity, location: m.location, message: m.message })) };
  },
  xml: ({ resource }) => ({ xml: fhir.objToXml(resource) }),
  json: ({ xml }) => ({ resource: fhir.xmlToObj(xml) }),
  path: ({ expression, resource, model }) => ({
    found: fhirpath.evaluate(resource, expression, {}, model ? r4 : undefined, { traceFn: () => {}, preciseMath: true }).map((v) =>
      v && typeof v === "object" && v.asStr !== undefined ? v.asStr : v),
  }),
};

for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  if (!line.trim()) continue;
  let answer;
  try {
    const request = JSON.parse(line);
    answer = judges[request.do](request);
  } catch (e) {
    answer = { error: String(e && e.message ? e.message : e) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
