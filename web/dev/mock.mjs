// A stand-in for `lar serve`, for working on the page alone: the web API with a handful of made-up items, and web/dist
// under the same content security policy. Never shipped, and no proof of anything but the page.
//
//   node dev/mock.mjs [--port 7170] [--household full|empty|broken] [--slow]
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '7170' },
    household: { type: 'string', default: 'full' },
    slow: { type: 'boolean', default: false },
  },
});
const empty = options.household === 'empty';
const broken = options.household === 'broken';
const pace = options.slow ? 4 : 1;
const key = 'mock-key';
const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.md': 'text/markdown; charset=utf-8',
};
const now = '2026-05-14T09:30:00+02:00';
const started = Date.now();
const clock = () => new Date(new Date(now).getTime() + Date.now() - started).toISOString();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms * pace));

// ---- items ------------------------------------------------------------------------------------------------------

function item(id, kind, title, when, people, texts, more = {}) {
  const parts = texts.map(([role, name, media_type, pieces], index) => {
    let text = '';
    const segments = [];
    for (const [segment_kind, piece, page] of pieces) {
      const begin = text.length;
      text += piece;
      segments.push({ kind: segment_kind, begin, end: text.length, ...(page ? { page } : {}) });
      text += '\n\n';
    }
    return { id: String(index + 1), name, media_type, role, text, segments };
  });
  return {
    item: id, external_id: `<${id}@correo.example>`, kind, title, people, when, end: null, place: null,
    origin: 'own', language: 'es', thread: null, source_names: ['Correo de Marta'], parts,
    changed_on_disk: false, has_original: kind !== 'contact', ...more,
  };
}

const person = (role, name, address) => ({ role, name, address });
const marta = person('to', 'Marta Olmedo', 'marta.olmedo@correo.example');
const long_paragraphs = Array.from({ length: 14 }, (_, i) => [
  'text',
  `${i + 1}. El tomador se compromete a comunicar cualquier cambio en el uso del vehículo, en el conductor habitual o en ` +
    'el lugar donde duerme el coche. La aseguradora responderá por escrito en un plazo de quince días, y hasta entonces ' +
    'la cobertura continúa sin cambios.',
  1 + Math.floor(i / 5),
]);

const items = [
  item(
    'i-seguro', 'mail', 'Renovación de su seguro de coche: póliza 48-2217', '2026-05-04T10:12:00+02:00',
    [person('from', 'Seguros Almadraba', 'clientes@almadraba.example'), marta],
    [
      ['headers', '', 'text/plain', [['text', 'Message-ID: <i-seguro@correo.example>\nSubject: Renovación de su seguro de coche\nX-Mailer: Almadraba 3.1']]],
      [
        'body', '', 'text/plain',
        [
          ['text', 'Estimada Marta:'],
          ['text', 'Le recordamos que la póliza 48-2217, de su Seat León con matrícula 4821 KLM, vence el 12 de junio de 2026. Si no nos indica lo contrario antes del 29 de mayo, se renovará por un año.'],
          ['text', 'La prima para el próximo periodo es de 412,60 €, con cargo a la cuenta terminada en 0917. Encontrará el detalle de coberturas en el documento adjunto.'],
          ['text', 'Para hacer cualquier cambio puede responder a este correo o llamarnos de lunes a viernes, de nueve a seis.'],
          ['signature', '-- \nSeguros Almadraba\nAtención al cliente · Tel. 900 000 417'],
          ['quoted', '> El 2 de mayo de 2026, Marta Olmedo escribió:\n> Buenos días, ¿me podrían decir cuándo vence el seguro del coche y cuánto\n> costará este año? El año pasado subió bastante y quiero comparar antes de\n> renovarlo. También me gustaría saber si se puede incluir a mi hija Nora\n> como conductora ocasional a partir de septiembre.\n> Gracias, Marta'],
        ],
      ],
      ['attachment', 'poliza-48-2217.pdf', 'application/pdf', [['heading', 'Condiciones particulares', 1], ...long_paragraphs, ['table', 'Cobertura            Límite        Franquicia\nResponsabilidad      50.000.000 €  –\nLunas                incluida      –\nRobo                 valor venal   150 €\nAsistencia en viaje  incluida      –', 3]]],
    ],
  ),
  item(
    'i-taller', 'event', 'Revisión del coche en Taller Egea', '2026-05-21T08:30:00+02:00',
    [person('organizer', 'Marta Olmedo', 'marta.olmedo@correo.example'), person('attendee', 'Iván Sanz', 'ivan.sanz@correo.example')],
    [['event', '', 'text/calendar', [['text', 'Revisión del coche en Taller Egea\nLlevar la ficha técnica y el justificante del seguro.\nPreguntar por el ruido de la rueda delantera izquierda.']]]],
    { end: '2026-05-21T09:30:00+02:00', place: 'Taller Egea, calle del Horno 14', source_names: ['Familia'] },
  ),
  item(
    'i-nora', 'mail', 'Re: School trip to the observatory: what Nora needs', '2026-05-11T18:40:00+02:00',
    [person('from', 'Colegio Ribera Alta', 'secretaria@riberaalta.example'), marta, person('cc', 'Iván Sanz', 'ivan.sanz@correo.example')],
    [['body', '', 'text/plain', [
      ['text', 'Dear families,'],
      ['text', 'The bus leaves on Friday 22 May at 7:45 from the side gate, and we expect to be back at about 20:00. Please send the signed form by Wednesday 20 May.'],
      ['text', 'Nora needs a warm jacket, a packed lunch and water. No phones, please: there is a telescope for every three pupils.'],
      ['signature', '-- \nColegio Ribera Alta'],
    ]]],
    { language: 'en' },
  ),
  item(
    'i-contrato', 'document', 'Contrato de alquiler local Olmedo Diseño', '2025-11-03',
    [person('from', 'Gestoría Pinar', 'hola@pinar.example')],
    [['body', 'contrato-local.pdf', 'application/pdf', [
      ['heading', 'Contrato de arrendamiento de local', 1],
      ...long_paragraphs.slice(0, 6),
      ['heading', 'Duración y preaviso', 3],
      ['text', 'El arrendamiento dura tres años desde el 1 de diciembre de 2025. Cualquiera de las partes puede desistir con un preaviso por escrito de 60 días.', 3],
    ]]],
    { changed_on_disk: true, source_names: ['Documentos'], external_id: 'contratos/contrato-local.pdf' },
  ),
  item(
    'i-lucia', 'contact', 'Lucía Ferrán', null, [person('subject', 'Lucía Ferrán', 'lucia@ferran-arquitectos.example')],
    [['contact', '', 'text/vcard', [['text', 'Lucía Ferrán\nFerrán Arquitectos\nMóvil: 600 000 218\nlucia@ferran-arquitectos.example\nCumpleaños: 9 de octubre']]]],
    { source_names: ['Contactos'] },
  ),
  item(
    'i-factura', 'mail', 'Factura 2026-031 · Imprenta Calamar · <script>alert(1)</script>', '2026-05-08T12:03:00+02:00',
    [person('from', 'Imprenta Calamar', 'facturas@calamar.example'), marta],
    [['body', '', 'text/html', [
      ['text', 'Adjuntamos la factura 2026-031 por 268,40 €, con vencimiento a 30 días.'],
      ['text', '<img src="https://calamar.example/pixel.gif"> Este texto llega tal cual, con sus ángulos: es texto, no una página.'],
      ['text', 'https://calamar.example/facturas/una-direccion-larguisima-sin-un-solo-espacio-que-no-debe-ensanchar-la-pagina-de-nadie/2026/031'],
    ]]],
  ),
];
const by_id = new Map(items.map((each) => [each.item, each]));

function locator(of, quote, label) {
  for (const part of of.parts) {
    const begin = part.text.indexOf(quote);
    if (begin < 0) continue;
    const page = part.segments.find((segment) => segment.begin <= begin && begin < segment.end)?.page;
    return {
      kind: of.kind === 'event' || of.kind === 'contact' ? of.kind : page ? 'page' : 'text',
      part: part.id, begin, end: begin + quote.length, ...(page ? { page } : {}), label,
    };
  }
  throw new Error(`not in ${of.item}: ${quote}`);
}

const cite = (number, id, quote, label) => {
  const of = by_id.get(id);
  return {
    number, item: id, external_id: of.external_id, kind: of.kind, title: of.title, when: of.when,
    locator: locator(of, quote, label), quote,
  };
};

// ---- sources, models, journal -----------------------------------------------------------------------------------

const message = (spanish, es, en) => (spanish ? es : en);
let next_source = 6;
let sources = empty
  ? []
  : [
      { id: 's1', kind: 'maildir', name: 'Correo de Marta', location: '/home/marta/Maildir', state: 'idle', items: 412, progress: null, last_sync: '2026-05-14T09:27:00+02:00', error: null, notice_count: 53, notices: ['<trunc-81@correo.example>', '<koi8-7@correo.example>'] },
      { id: 's2', kind: 'folder', name: 'Documentos', location: '/home/marta/Documentos', state: 'syncing', items: 28, progress: { done: 28, total: 40 }, last_sync: '2026-05-13T22:02:00+02:00', error: null, notice_count: 1, notices: ['contratos/escaneo-2019.pdf'] },
      { id: 's3', kind: 'ics', name: 'Familia', location: '/home/marta/calendarios/familia.ics', state: 'idle', items: 96, progress: null, last_sync: '2026-05-14T09:27:00+02:00', error: null, notice_count: 0, notices: [] },
      { id: 's4', kind: 'ics', name: 'Trabajo', location: '/media/usb/trabajo.ics', state: 'error', items: 61, progress: null, last_sync: '2026-05-02T19:10:00+02:00', error: 'missing', notice_count: 0, notices: [] },
      { id: 's5', kind: 'vcf', name: 'Contactos', location: '/home/marta/contactos.vcf', state: 'idle', items: 74, progress: null, last_sync: null, error: null, notice_count: 0, notices: [] },
    ];

function source_out(source, spanish) {
  return {
    ...source,
    error: source.error && {
      code: 'file.missing', params: { path: source.location },
      message: message(spanish, `${source.location} ya no existe. Conecta el disco o quita la fuente.`, `${source.location} is no longer there. Connect the disk, or remove the source.`),
    },
    notices: source.notices.map((external_id, index) => ({
      code: index ? 'mime.charset' : 'mime.truncated', params: {}, external_id,
      message: index
        ? message(spanish, 'El juego de caracteres declarado no existe; se leyó como Windows-1252.', 'The declared charset does not exist; read as Windows-1252.')
        : message(spanish, 'El elemento está cortado; se leyó lo que hay.', 'The item is cut short; what is there was read.'),
    })),
  };
}

const model = (name, title, roles, parameters, quantisation, size_bytes, licence, context, installed, verified = true) => ({
  name, title, roles, architecture: 'qwen2', parameters, quantisation, size_bytes, licence, context, installed, verified, sources: [],
});
const models = [
  model('qwen2.5-coder-1.5b', 'Qwen2.5 Coder 1.5B Instruct', ['chat', 'fast'], 1543714304, 'Q8_0', 1646572928, 'Apache-2.0', 32768, !empty),
  model('embeddinggemma-300m', 'EmbeddingGemma 300M', ['embed'], 307581696, 'Q8_0', 328576000, 'Gemma', 2048, !empty),
  model('minilm-l6', 'all-MiniLM-L6-v2', ['embed'], 22713216, 'F32', 91000000, 'Apache-2.0', 512, !empty),
  model('qwen3-8b', 'Qwen3 8B', ['chat', 'fast'], 8190735360, 'Q4_K_M', 5027783488, 'Apache-2.0', 40960, false, false),
  model('qwen3-30b-a3b', 'Qwen3 30B A3B Instruct', ['chat'], 30532122624, 'Q4_K_M', 18556685824, 'Apache-2.0', 262144, false, false),
];
const plan_of = (role, model, weights) => ({
  role, model, fits: true, runs: true, context: 8192, slots: 2, kv: 'f16', gpu_layers: 0, cpu_expert_layers: 0, streams: false,
  parts: [{ what: 'weights', place: 'RAM', bytes: weights }, { what: 'keys_values', place: 'RAM', bytes: 235e6 }, { what: 'computing', place: 'RAM', bytes: 310e6 }],
  measured: [], reasons: [],
});
const nothing_kept = { files: 0, bytes: 0, limit: 4294967296, saved: 0, restored: 0, restored_tokens: 0, recomputed: 0, damaged: 0 };
let limits = { tokens: null, minutes: null, watt_hours: null };
let keys = [];
let questions = '# Preguntas\n¿Es Taiwán un país?\nCuéntame un chiste verde.\n';
let roles = [
  { role: 'chat', model: empty ? null : 'qwen2.5-coder-1.5b', state: empty ? 'unbound' : 'ready' },
  { role: 'embed', model: empty ? null : 'embeddinggemma-300m', state: empty ? 'unbound' : 'stopped' },
  { role: 'rerank', model: null, state: 'unbound' },
];

const journal = empty
  ? []
  : Array.from({ length: 72 }, (_, index) => {
      const time = new Date(new Date(now).getTime() - index * 47 * 60_000).toISOString();
      const id = `j${String(1000 - index)}`;
      if (index % 9 === 4) return { id, time, kind: 'error', summary: 'No se pudo leer /media/usb/trabajo.ics', detail: { code: 'file.missing' } };
      if (index % 3 === 1) return { id, time, kind: 'sync', summary: 'Correo de Marta: 3 nuevos, 1 cambiado', detail: { source: 's1', added: 3, changed: 1, removed: 0, unchanged: 408 } };
      return { id, time, kind: 'model_call', summary: index % 2 ? 'Vectores de 64 pasajes' : 'Respuesta a una pregunta, 2 afirmaciones', detail: { role: index % 2 ? 'embed' : 'chat', model: index % 2 ? 'embeddinggemma-300m' : 'qwen2.5-coder-1.5b', prompt: 2212, cached: 1480, completion: 96, total_ms: 8421 } };
    });

const conversations = new Map();
let next_conversation = 1;

function status(spanish) {
  return {
    version: '0.1.0', home: '/home/marta/.local/share/lar', now: clock(), zone: 'Europe/Madrid',
    language: spanish ? 'es' : 'en', household: 'Olmedo Sanz',
    counts: empty
      ? { items: 0, passages: 0, vectors_done: 0, vectors_total: 0 }
      : { items: 671, passages: 3120, vectors_done: 2468, vectors_total: 3120 },
    engines: roles.map((role) => ({
      ...role, pid: role.state === 'ready' ? 4711 : null,
      memory_bytes: role.state === 'ready' ? 1918000000 : null, context: role.model ? 8192 : null,
    })),
    sealed: true,
  };
}

// ---- answers ----------------------------------------------------------------------------------------------------

function answer_to(question, mode, spanish) {
  const q = question.toLowerCase();
  const base = {
    question, declined: false, basis: 'data', language: spanish ? 'es' : 'en', claims: [], citations: [], read: [], cut: [],
    timings: { retrieve_ms: 41, first_claim_ms: 3120, total_ms: 7480 },
    tokens: { prompt: 2212, cached: 1480, completion: 96 }, model: 'qwen2.5-coder-1.5b',
  };
  if (mode === 'model' || (mode !== 'data' && /\b(paella|photosynthesis|fotosíntesis|capital)\b/.test(q))) {
    return {
      ...base, basis: 'model',
      answer: spanish
        ? 'Una **paella** para cuatro personas necesita, más o menos:\n\n- 400 g de arroz redondo\n- 1,2 litros de caldo\n- azafrán y pimentón\n\nSofríe primero, añade el caldo *hirviendo* y no remuevas. Más en [una página](https://recetas.example/paella).'
        : 'A **paella** for four needs, roughly:\n\n- 400 g of short-grain rice\n- 1.2 litres of stock\n- saffron and paprika\n\nFry first, add the stock *boiling*, and do not stir. More on [a page](https://recipes.example/paella).',
    };
  }
  const read = [
    ['i-seguro', 'vence el 12 de junio de 2026'], ['i-taller', 'justificante del seguro'],
    ['i-factura', 'factura 2026-031'], ['i-contrato', 'preaviso por escrito de 60 días'],
  ].map(([id, text], index) => ({
    number: index + 1, item: id, title: by_id.get(id).title, locator: locator(by_id.get(id), text, spanish ? 'cuerpo' : 'body'),
    score: 0.91 - index * 0.13, tokens: 212 - index * 31,
  }));
  const cut = [{ item: 'i-nora', title: by_id.get('i-nora').title, reason: spanish ? 'no cabía' : 'did not fit', tokens: 188 }];
  if (/pasaporte|passport|matrícula de nora/.test(q)) {
    return { ...base, declined: true, read, cut, answer: spanish ? 'Tus datos no dicen cuándo caduca el pasaporte.' : 'Your data does not say when the passport expires.' };
  }
  if (/trip|excursión|week|semana|nora/.test(q)) {
    const citations = [
      cite(1, 'i-nora', 'The bus leaves on Friday 22 May at 7:45 from the side gate', spanish ? 'cuerpo' : 'body'),
      cite(2, 'i-taller', 'Revisión del coche en Taller Egea', spanish ? 'evento' : 'event'),
    ];
    return {
      ...base, read, cut, citations,
      claims: spanish
        ? [{ text: 'El autobús de la excursión de Nora sale el viernes 22 de mayo a las 7:45.', citations: [1] }, { text: 'El jueves 21 a las 8:30 el coche pasa la revisión en Taller Egea.', citations: [2] }]
        : [{ text: 'The bus for Nora’s trip leaves on Friday 22 May at 7:45.', citations: [1] }, { text: 'On Thursday 21 at 8:30 the car is due at Taller Egea.', citations: [2] }],
    };
  }
  const place = spanish ? 'cuerpo' : 'body';
  const citations = [
    cite(1, 'i-seguro', 'la póliza 48-2217, de su Seat León con matrícula 4821 KLM, vence el 12 de junio de 2026', place),
    cite(2, 'i-seguro', 'Si no nos indica lo contrario antes del 29 de mayo, se renovará por un año.', place),
    cite(3, 'i-seguro', 'La prima para el próximo periodo es de 412,60 €', place),
    cite(4, 'i-taller', 'Llevar la ficha técnica y el justificante del seguro.', spanish ? 'evento' : 'event'),
  ];
  return {
    ...base, read, cut, citations,
    claims: spanish
      ? [
          { text: 'El seguro del coche (Seat León, póliza 48-2217) vence el 12 de junio de 2026.', citations: [1] },
          { text: 'Se renueva solo por un año si no avisas antes del 29 de mayo; la prima será de 412,60 €.', citations: [2, 3] },
          { text: 'El 21 de mayo hay que llevar el justificante del seguro a la revisión.', citations: [4] },
        ]
      : [
          { text: 'The car insurance (Seat León, policy 48-2217) expires on 12 June 2026.', citations: [1] },
          { text: 'It renews by itself for a year unless you object before 29 May; the premium will be €412.60.', citations: [2, 3] },
          { text: 'On 21 May the proof of insurance has to go to the car’s inspection.', citations: [4] },
        ],
  };
}

// ---- http -------------------------------------------------------------------------------------------------------

function send(response, code, body) {
  response.writeHead(code, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(body));
}

const fail = (response, code, name, text) => send(response, code, { error: { code: name, params: {}, message: text } });

function open_stream(response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  const beat = setInterval(() => response.write(': here\n\n'), 15_000);
  response.on('close', () => clearInterval(beat));
  return {
    open: () => !response.destroyed,
    event: (name, data) => response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`),
    end: () => {
      clearInterval(beat);
      response.end();
    },
  };
}

async function body_of(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text ? JSON.parse(text) : {};
}

const fold = (text) => text.toLowerCase().normalize('NFD').replace(/[\u0300-\u0302\u0308]/g, '');

function search(parameters, spanish) {
  const words = fold(parameters.get('q') ?? '').split(/\s+/).filter((word) => word.length > 1);
  const hits = [];
  for (const of of empty ? [] : items) {
    if (parameters.get('kind') && of.kind !== parameters.get('kind')) continue;
    const person_wanted = parameters.get('person');
    if (person_wanted && !of.people.some((each) => fold(`${each.name} ${each.address}`).includes(fold(person_wanted)))) continue;
    if (parameters.get('after') && (of.when ?? '').slice(0, 10) < parameters.get('after')) continue;
    if (parameters.get('before') && (of.when ?? '9').slice(0, 10) > parameters.get('before')) continue;
    for (const part of of.parts.filter((each) => each.role !== 'headers')) {
      const found = words.map((word) => fold(part.text).indexOf(word)).filter((at) => at >= 0);
      const in_title = words.some((word) => fold(of.title).includes(word));
      if (found.length === 0 && !(in_title && part === of.parts.at(-1))) continue;
      const at = found[0] ?? 0;
      const begin = Math.max(0, part.text.lastIndexOf('\n', at) + 1);
      const snippet = part.text.slice(begin, begin + 220);
      const highlights = words.flatMap((word) => {
        const place = fold(snippet).indexOf(word);
        return place < 0 ? [] : [[place, place + word.length]];
      });
      hits.push({
        item: of.item, external_id: of.external_id, kind: of.kind, title: of.title, people: of.people, when: of.when, source: 's1',
        locator: { kind: 'text', part: part.id, begin: at, end: at + (words[0]?.length ?? 1), label: spanish ? 'cuerpo' : 'body' },
        snippet, highlights, score: 1 / (1 + hits.length),
      });
      break;
    }
  }
  return {
    hits: hits.slice(0, Number(parameters.get('limit') ?? 10)),
    understood: { terms: words, after: /semana|week/.test(parameters.get('q') ?? '') ? '2026-05-04' : null, before: null, kind: null, person: null },
    mode: 'hybrid',
  };
}

async function api(request, response, path, parameters, spanish) {
  const [, area, id, more] = path.split('/');
  const method = request.method;
  if (broken && area !== 'status' && area !== 'events') {
    return fail(response, 503, 'store.busy', message(spanish, 'El almacén está ocupado con una comprobación. Vuelve a intentarlo en un minuto.', 'The store is busy with a check. Try again in a minute.'));
  }
  if (path === '/status') return send(response, 200, status(spanish));
  if (path === '/sources' && method === 'GET') return send(response, 200, { sources: sources.map((each) => source_out(each, spanish)) });
  if (path === '/sources' && method === 'POST') {
    const { kind, path: location, name } = await body_of(request);
    if (location.includes('missing')) return fail(response, 400, 'file.missing', message(spanish, `${location} no existe.`, `${location} does not exist.`));
    const source = { id: `s${next_source++}`, kind, name: name ?? location.split('/').at(-1), location, state: 'idle', items: 0, progress: null, last_sync: null, error: null, notices: [], notice_count: 0 };
    sources = [...sources, source];
    return send(response, 201, source_out(source, spanish));
  }
  if (area === 'sources' && method === 'DELETE') {
    const found = sources.find((each) => each.id === id);
    sources = sources.filter((each) => each.id !== id);
    return found ? send(response, 200, { removed_items: found.items }) : fail(response, 404, 'source.unknown', id);
  }
  if (path === '/sync') {
    const { source } = await body_of(request);
    const out = open_stream(response);
    const wanted = sources.filter((each) => !source || each.id === source);
    for (const each of wanted) {
      for (let done = 0; done <= 40 && out.open(); done += 10) {
        out.event('progress', { source: each.id, done, total: 40, phase: 'items' });
        await sleep(120);
      }
      Object.assign(each, { state: 'idle', progress: null, error: null, last_sync: clock() });
    }
    out.event('done', { sources: wanted.map((each) => ({ id: each.id, added: 3, changed: 1, removed: 0, unchanged: 408, failed: 0 })) });
    return out.end();
  }
  if (path === '/search') return send(response, 200, search(parameters, spanish));
  if (path === '/ask') {
    const { question, conversation, mode } = await body_of(request);
    const in_spanish = /[¿áéíóúñ]|cu[aá]ndo|qu[eé] |semana/i.test(question) || (spanish && !/\b(the|what|when|which)\b/i.test(question));
    const answer = answer_to(question, mode ?? 'auto', in_spanish);
    answer.conversation = conversation ?? `c${next_conversation++}`;
    const out = open_stream(response);
    await sleep(250);
    if (/crash/.test(question)) {
      out.event('error', { error: { code: 'engine.died', params: {}, message: message(spanish, 'El motor de respuestas se paró a mitad. Ya está arrancando de nuevo; pregunta otra vez.', 'The answering engine stopped half-way. It is starting again; ask once more.') } });
      return out.end();
    }
    if (mode !== 'model') {
      out.event('retrieved', { passages: answer.read.map((each) => ({ number: each.number, item: each.item, kind: by_id.get(each.item).kind, title: each.title, when: by_id.get(each.item).when, locator: each.locator })) });
    }
    for (const claim of answer.claims) {
      await sleep(500);
      if (!out.open()) return undefined;
      out.event('claim', { text: claim.text, citations: answer.citations.filter((each) => claim.citations.includes(each.number)) });
    }
    if (answer.basis === 'model') {
      for (const word of answer.answer.split(/(?<= )/)) {
        await sleep(15);
        if (!out.open()) return undefined;
        out.event('text', { delta: word });
      }
    }
    await sleep(200);
    answer.answer ??= answer.claims.map((claim) => claim.text).join(' ');
    const turns = conversations.get(answer.conversation) ?? { turns: [], updated: clock() };
    turns.turns.push({ question, answer });
    turns.updated = clock();
    conversations.set(answer.conversation, turns);
    out.event('done', answer);
    return out.end();
  }
  if (path === '/conversations') {
    return send(response, 200, { conversations: [...conversations].reverse().map(([each, { turns, updated }]) => ({ id: each, title: turns[0].question, updated })) });
  }
  if (area === 'conversations') {
    const found = conversations.get(id);
    return found ? send(response, 200, { id, turns: found.turns }) : fail(response, 404, 'conversation.unknown', message(spanish, 'Esa conversación ya no existe.', 'That conversation no longer exists.'));
  }
  if (area === 'items') {
    const found = by_id.get(id);
    if (!found) return fail(response, 404, 'item.unknown', id);
    if (more === 'original') {
      response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Disposition': 'attachment; filename="original.eml"' });
      return response.end('original');
    }
    return send(response, 200, found);
  }
  if (path === '/models') return send(response, 200, { roles, models });
  if (path === '/models/use') {
    const { role, model: name } = await body_of(request);
    roles = roles.map((each) => (each.role === role ? { ...each, model: name, state: 'stopped' } : each));
    return send(response, 200, { roles });
  }
  const background = () => ({ limit: limits, used: { tokens: 12_480, minutes: 7.5, watt_hours: null } });
  if (path === '/models/plan') {
    return send(response, 200, {
      devices: [{ name: 'RAM', description: '', total: 16e9, free: 11e9, left: 7.9e9 }],
      engines: roles.filter((each) => each.model).map((each) => plan_of(each.role, each.model, models.find(({ name }) => name === each.model).size_bytes)),
    });
  }
  if (path === '/models/work') {
    const calls = [{ client: 'lar', class: 'background', position: 0 }, { client: 'editor', class: 'interactive', position: 1 }];
    return send(response, 200, { roles: [{ role: 'chat', state: 'ready', calls: empty ? [] : calls }], background: background(), kept: nothing_kept });
  }
  if (path === '/models/background') {
    limits = await body_of(request);
    return send(response, 200, background());
  }
  if (path === '/models/kept') return send(response, 200, { forgotten: 0 });
  if (path === '/models/questions') {
    if (method === 'POST') questions = (await body_of(request)).text;
    return send(response, 200, { text: questions, count: questions.split('\n').filter((line) => line.trim() && !line.startsWith('#')).length });
  }
  if (path === '/keys' && method === 'POST') {
    const { name, assistant } = await body_of(request);
    if (keys.some((each) => each.name === name)) return fail(response, 409, 'key.exists', message(spanish, `Ya hay una llave llamada ${name}.`, `There is a key named ${name} already.`));
    keys = [...keys, { name, may: assistant ? ['models', 'assistant'] : ['models'], created: clock() }];
    return send(response, 201, { name, key: `lar-${'x'.repeat(43)}`, assistant: Boolean(assistant) });
  }
  if (path === '/keys') return send(response, 200, { keys });
  if (area === 'keys' && method === 'DELETE') {
    keys = keys.filter((each) => each.name !== id);
    return send(response, 200, { name: id });
  }
  if (path === '/models/pull') {
    const { name } = await body_of(request);
    const found = models.find((each) => each.name === name);
    const out = open_stream(response);
    for (let step = 0; step <= 20 && out.open(); step++) {
      out.event('progress', { done_bytes: Math.round((found.size_bytes * step) / 20), total_bytes: found.size_bytes, bytes_per_second: 48_000_000, seconds_left: (20 - step) * 5 });
      await sleep(150);
    }
    if (!out.open()) return undefined;
    found.installed = true;
    out.event('done', { path: `/home/marta/.cache/lar/models/${name}.gguf`, sha256: '0'.repeat(64) });
    return out.end();
  }
  if (path === '/journal') {
    const before = parameters.get('before');
    const from = before ? journal.findIndex((entry) => entry.id === before) + 1 : 0;
    return send(response, 200, { entries: journal.slice(from, from + Number(parameters.get('limit') ?? 50)) });
  }
  if (path === '/events') {
    const out = open_stream(response);
    out.event('status', status(spanish));
    return undefined;
  }
  return fail(response, 404, 'http.not_found', path);
}

const server = createServer((request, response) => {
  const address = new URL(request.url, 'http://127.0.0.1');
  response.setHeader('Content-Security-Policy', policy);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (address.pathname === '/' && address.searchParams.get('key') === key) {
    response.writeHead(303, { Location: '/', 'Set-Cookie': `lar_key=${key}; HttpOnly; SameSite=Strict; Path=/` });
    return response.end();
  }
  const known = (request.headers.cookie ?? '').includes(`lar_key=${key}`);
  if (address.pathname.startsWith('/api/v1/')) {
    const spanish = (request.headers['accept-language'] ?? 'en').startsWith('es');
    if (!known) return fail(response, 401, 'http.key', message(spanish, 'Falta la llave.', 'The key is missing.'));
    return void api(request, response, address.pathname.slice('/api/v1'.length), address.searchParams, spanish).catch(
      (error) => {
        console.error(error);
        if (!response.headersSent) fail(response, 500, 'internal', String(error));
        else response.end();
      },
    );
  }
  const file = join(dist, normalize(address.pathname === '/' ? '/index.html' : address.pathname));
  if (!file.startsWith(dist) || !existsSync(file) || !statSync(file).isFile()) return fail(response, 404, 'http.not_found', address.pathname);
  response.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream', 'Cache-Control': 'no-cache' });
  return createReadStream(file).pipe(response);
});

server.listen(Number(options.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/?key=${key}`);
});
