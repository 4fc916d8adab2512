/**
 * The proof verifier of Tradelane: what does a bundle prove to somebody who trusts these validators?
 *
 * It needs WebCrypto and no network. docs/proofs.md has the checks and the reasons; hashes and keys are hexadecimal.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

export const VERSION = '1.0.0';

/** The one reason; with `no_webcrypto`, `no_ed25519` or `no_trace` nothing was checked. */
export class ProofError extends Error {
	get code() {
		return this.message;
	}
}

export const check = (condition, code) => {
	if (!condition) throw new ProofError(code);
	return condition;
};
export const attempt = (code, run) => {
	try {
		return run();
	} catch {
		return check(false, code);
	}
};

// Bytes and numbers

export const utf8 = (text) => new TextEncoder().encode(text);
export const fromUtf8 = (bytes) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
export const base64url = (bytes) => btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const join = (...parts) => {
	const all = parts.map((part) => (typeof part === 'string' ? unhex(part) : part));
	const whole = new Uint8Array(all.reduce((size, part) => size + part.length, 0));
	all.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
	return whole;
};

const exact = (big) => (BigInt.asIntN(54, big) === big ? Number(big) : big);
const toBig = (bytes) => BigInt('0x' + hex(bytes));
const bigEndian = (number, size) => unhex(number.toString(16).padStart(2 * size, '0'));
const isAscending = (places) => places.every((place, at) => !at || places[at - 1] < place);

// Hashes and signatures

const sha256 = async (...parts) => hex(new Uint8Array(await crypto.subtle.digest('SHA-256', join(...parts))));
const domain = (what) => utf8(`tradelane/${what}/v1\0`);
const H = (what, ...parts) => sha256(domain(what), ...parts);

const PRIME = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const Y_OF_ORDER_8 = 0x5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const SMALL_ORDER_Y = [0n, 1n, PRIME - 1n, Y_OF_ORDER_8, PRIME - Y_OF_ORDER_8];
const littleEndian = (text) => toBig(unhex(text).reverse());

// Libraries differ on points that are not canonical or of small order, and whoever makes a key may choose one.
const isPoint = (text) => {
	const y = BigInt.asUintN(255, littleEndian(text));
	return y < PRIME && !SMALL_ORDER_Y.includes(y);
};

const importKey = async (text) => crypto.subtle.importKey('raw', unhex(text), 'Ed25519', false, ['verify']);

const isSigned = async (key, signature, ...message) => {
	if (littleEndian(signature.slice(64)) >= ORDER || ![key, signature.slice(0, 64)].every(isPoint)) return false;
	try {
		return await crypto.subtle.verify('Ed25519', await importKey(key), unhex(signature), join(...message));
	} catch {
		return false; // the key is no point of the curve
	}
};

// JSON: only what comes out when its value is written again, with exact numbers

const isLonger = (text, most) => text.length > most && text.replace(/./gsu, '.').length > most;
const isExact = (item) => (typeof item === 'number' ? Number.isSafeInteger(item) : (item?.isWellFormed?.() ?? true));

const parseJson = (text, most, format) => {
	check(!isLonger(text, most), 'too_long');
	const value = attempt('not_json', () => JSON.parse(text, (_, item) => (isExact(item) ? item : undefined)));
	const spelling = text.replace(/("(?:[^"\\]+|\\.)*")|[ \t\n\r]+/g, '$1');
	check(JSON.stringify(value) === spelling, 'not_canonical');
	check([undefined, format].includes(value?.format), 'unknown_format');
	return value;
};

// Readers of JSON and msgpack: each returns what a value stands for, or refuses it

const INTEGER_MAX = 2n ** 63n - 1n;
export const isInteger = (value) => typeof value === 'number' || typeof value === 'bigint';
const isWithin = (value, least, most) => isInteger(value) && value >= least && value <= most;
const isBlob = (value) => value instanceof Uint8Array;

const any = (value) => value;
const only = (isIt) => (value) => {
	check(isIt(value), 'field_type');
	return value;
};
const integer = (most) => only((value) => isWithin(value, 0, most));
const amount = integer(INTEGER_MAX);
const index = integer(10_000);
const text = (most) => only((value) => typeof value === 'string' && value && !isLonger(value, most));
const list = (most, read = any) => (value) => {
	check(Array.isArray(value), 'field_type');
	check(value.length <= most, 'too_many');
	return value.map((item) => read(item));
};
const row = (readers) => (value) => {
	const names = Object.keys(readers);
	check(list(names.length)(value).length === names.length, 'field_type');
	return Object.fromEntries(names.map((name, at) => [name, readers[name](value[at])]));
};
const object = (readers, optional = []) => (value) => {
	check(value && typeof value === 'object' && !Array.isArray(value), 'field_type');
	const names = Object.keys(readers);
	const has = (name) => Object.hasOwn(value, name);
	check(names.every((name) => has(name) || optional.includes(name)), 'missing_field');
	check(Object.keys(value).every((name) => names.includes(name)), 'unknown_field');
	return Object.fromEntries(names.filter(has).map((name) => [name, readers[name](value[name], value)]));
};
const byKey = (entry) => entry.key;
const ascending = (what, most, read, placeOf = byKey) => (value) => {
	const entries = list(most, read)(value);
	entries.map(placeOf).forEach((place, at, places) => {
		check(!at || places[at - 1] < place, places[at - 1] === place ? `duplicate_${what}` : `${what}_order`);
	});
	return entries;
};
const base64 = (least, most, read = hex) => (value) => {
	check(typeof value === 'string', 'field_type');
	const bytes = attempt('base64url', () => atob(value.replaceAll('-', '+').replaceAll('_', '/')));
	check(base64url(bytes) === value, 'base64url');
	check(bytes.length >= least && bytes.length <= most, 'field_size');
	return read(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
};
const hash = base64(32, 32);
const key = base64(1, 4096);
const path = list(64, hash);

// Canonical msgpack: what has a shorter spelling is refused

const isNormal = (value) => value.normalize() === value;

const decode = (bytes) => {
	let at = 0;
	const take = (size) => {
		check(at + size <= bytes.length);
		return bytes.subarray(at, (at += size));
	};
	// A number or a length that no shorter form holds.
	const unsigned = (size, least, shortest = 1) => {
		const number = exact(toBig(take(size)));
		check(number >= (size > shortest ? 2 ** (4 * size) : least));
		return number;
	};
	const signed = (size) => {
		const number = exact(BigInt.asIntN(8 * size, toBig(take(size))));
		check(number < (size > 1 ? -(2 ** (4 * size - 1)) : -32));
		return number;
	};
	const string = (size) => only(isNormal)(fromUtf8(take(size)));
	const array = (length, depth, read = value) => {
		const items = [];
		for (check(depth < 8); items.length < length; ) items.push(read(depth + 1));
		return items;
	};
	const map = (length, depth) => {
		const pairs = array(length, depth, (inner) => [value(inner), value(inner)]);
		check(pairs.every(([name]) => typeof name === 'string'));
		check(isAscending(pairs.map(([name]) => hex(utf8(name)))));
		return new Map(pairs);
	};
	const value = (depth) => {
		const [tag] = take(1);
		const size = 1 << (tag & 3);
		if (tag < 0x80) return tag;
		if (tag < 0x90) return map(tag - 0x80, depth);
		if (tag < 0xa0) return array(tag - 0x90, depth);
		if (tag < 0xc0) return string(tag - 0xa0);
		if (tag >= 0xe0) return tag - 0x100;
		if ([0xc0, 0xc2, 0xc3].includes(tag)) return tag === 0xc0 ? null : tag === 0xc3;
		if (tag >= 0xc4 && tag <= 0xc6) return take(unsigned(size, 0));
		if (tag >= 0xcc && tag <= 0xcf) return unsigned(size, 0x80);
		if (tag >= 0xd0 && tag <= 0xd3) return signed(size);
		if (tag >= 0xd9 && tag <= 0xdb) return string(unsigned(size / 2, 0x20));
		if (tag === 0xdc || tag === 0xdd) return array(unsigned(2 * size, 16, 2), depth);
		check(tag >= 0xde);
		return map(unsigned(size / 2, 16, 2), depth);
	};
	const whole = value(0);
	check(at === bytes.length);
	return whole;
};

// What is signed or hashed is encoded here.
const sized = (number, short, most, long, size = 1) => {
	if (number <= most) return [short + number];
	if (number < 2 ** (8 * size)) return join([long], bigEndian(number, size));
	return sized(number, short, most, long + 1, 2 * size);
};
const encodeVote = ({ height, view, voted }) =>
	join([0x93], ...[height, view].map((number) => sized(number, 0, 127, 0xcc)), [0xc4, 32], voted);
const addHash = async (validators) => {
	const members = validators.members.map(({ public_key, organisation }) => {
		const name = utf8(organisation);
		return join([0x92, 0xc4, 32], public_key, sized(name.length, 0xa0, 31, 0xd9), name);
	});
	validators.hash = await H('validators', sized(members.length, 0x90, 15, 0xdc, 2), ...members);
};

// Encoded objects

const nullable = (read) => (value) => (value === null ? null : read(value));
const one = only((value) => value === 1);
const blob = (size, least = size) => only((value) => isBlob(value) && value.length >= least && value.length <= size);
const hexBlob = (size) => (value) => hex(blob(size)(value));
const hash32 = hexBlob(32);
const map = only((value) => value instanceof Map);

const encoded = (what, most, read) =>
	base64(0, most, (bytes) => ({ ...attempt(`${what}_encoding`, () => read(decode(bytes))), bytes }));

const HEADER = row({
	version: one, chain_id: hash32, height: amount, time_ms: amount, parent: hash32, proposer: hash32,
	count: index, transactions: hash32, receipts: hash32, state: hash32, own: hash32, next: hash32,
});
const signers = (bitmap) => {
	check(blob(13, 0)(bitmap).at(-1) !== 0);
	return [...Array(bitmap.length * 8).keys()].filter((bit) => (bitmap[bit >> 3] >> (bit & 7)) & 1);
};
const VOTES = row({
	height: amount, view: integer(2 ** 32 - 1), voted: hash32, signers, signatures: list(100, hexBlob(64)),
});
const FINAL = { header: encoded('header', 1024, HEADER), certificate: encoded('certificate', 16384, VOTES) };

const SIGNED = row({ body: only(isBlob), signature: hexBlob(64) });
const BODY = row({
	version: one, chain_id: hash32, sender: hash32, nonce: blob(16), valid_until_ms: amount,
	operations: list(10_000, row({ method: text(64), arguments: map })),
});
const transaction = (bytes) => {
	const signed = SIGNED(decode(blob(2 ** 21, 0)(bytes)));
	const body = BODY(decode(signed.body));
	check(body.operations.length);
	return { ...body, ...signed };
};

// Small pieces go in, so that a stream which never ends is left early.
const inflate = async (stream, most) => {
	let [at, size] = [0, 0];
	const pieces = [];
	const source = new ReadableStream({
		pull: (sink) => (at < stream.length ? sink.enqueue(stream.slice(at, (at += 4096))) : sink.close()),
	});
	const reader = source.pipeThrough(new DecompressionStream('deflate-raw')).getReader();
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return join(...pieces);
		check((size += value.length) <= most);
		pieces.push(value);
	}
};

// Step 1: shape

const setOf = (code) => (value) => {
	const members = list(100, object({ public_key: hash, organisation: text(128) }))(value);
	const keys = members.map((member) => member.public_key);
	const isUsable = keys.every(isPoint) && isAscending(keys) && members.every((member) => isNormal(member.organisation));
	check(members.length && isUsable, code);
	const faults = Math.floor((members.length - 1) / 3);
	return { members, faults, quorum: Math.ceil((members.length + faults + 1) / 2) };
};
const trusted = setOf('trusted_validators');

const LATER = {
	height: amount, block_hash: hash, time_ms: amount,
	earlier: list(1000, object({ height: amount, validators: trusted })),
};
const ROOT = { format: any, network: text(64), chain_id: hash, validators: trusted, ...LATER };
const readTrust = (json) => {
	const trust = object(ROOT, Object.keys(LATER))(parseJson(json, 2 ** 24, 'tradelane-trust/1'));
	const { height = 0, earlier = [], validators } = trust;
	const sets = [...earlier, { height, validators }];
	check(isAscending(sets.map((set) => set.height)), 'trusted_heights');
	return { ...trust, height, sets };
};

const change = object({
	kind: (kind) => check(['next', 'skip'].includes(kind) && kind, 'change_kind'),
	...FINAL,
	validators: setOf('change_members'),
});

const RECEIPT = row({ id: hash32, code: integer(65535), failed: nullable(index), outputs: list(10_000) });
const receipt = encoded('receipt', 2 ** 22, RECEIPT);
const inclusion = object({ index, transaction_path: path, receipt, receipt_path: path });

const headOf = (fields) => {
	const count = map(fields).has('chain') ? fields.get('count') : 0;
	check(!fields.has('chain') || (hash32(fields.get('chain')) && isWithin(count, 1, INTEGER_MAX)));
	return { fields, count };
};
const value = nullable(encoded('head', 2 ** 20, headOf));
const head = object({ key, value, path: list(64, base64(0, 1028, any)) });

const output = encoded('output', 2 ** 20, (value) => ({ value }));
const RECORD = row({ transaction: index, operation: index, height: amount, index, time_ms: amount, output });
const history = object({ key, after_count: amount, after_chain: hash, records: list(10_000, RECORD) });

const KEY = { key };
const AFTER = { key, after_count: amount };
const SUBJECTS = {
	transaction: { transaction_id: hash },
	head: KEY,
	statement: AFTER,
	heads: { heads: ascending('subject', 1000, row(AFTER)) },
	trace: KEY,
	origin: KEY,
	trust: { height: amount },
};
const BUNDLE = {
	format: any,
	kind: (kind) => check(Object.keys(SUBJECTS).includes(kind) && kind, 'unknown_kind'),
	chain_id: hash,
	subject: (value, { kind }) => object(SUBJECTS[kind])(value),
	validator_changes: ascending('change', 1000, change, ({ header }) => header.height),
	...FINAL,
	inclusion: nullable(inclusion),
	heads: ascending('head', 1000, head),
	history: ascending('history', 1000, history),
	transactions: base64(0, 2 ** 24, any),
};
const readBundle = async (json) => {
	const bundle = object(BUNDLE)(parseJson(json, 2 ** 26, 'tradelane-proof/1'));
	const content = await inflate(bundle.transactions, 2 ** 24).catch(() => check(false, 'transactions_stream'));
	const transactions = attempt('transaction_encoding', () => list(10_000, transaction)(decode(content)));
	return { ...bundle, transactions };
};

// Step 3: certificates

const setBefore = (sets, height) => sets.findLast((set) => set.height < height)?.validators;

const checkVotes = async ({ header, certificate }, { members, quorum }) => {
	const { height, voted, signers, signatures } = certificate;
	check(height === header.height && voted === header.hash, 'certificate_block');
	check(signers.length === signatures.length, 'certificate_signature_count');
	check(!(signers.at(-1) >= members.length), 'certificate_unknown_signer');
	check(signers.length >= quorum, 'certificate_no_quorum');
	const message = [domain('commit'), header.chain_id, encodeVote(certificate)];
	for (const [at, signer] of signers.entries()) {
		check(await isSigned(members[signer].public_key, signatures[at], ...message), 'certificate_bad_signature');
	}
};

// Check a header and put its change in force; false: it stands before the trust root.
const follow = async (sets, trust, final) => {
	const { kind, header, certificate, validators } = final;
	const { height, own, next } = header;
	check(height, 'genesis_header');
	const known = setBefore(sets, height);
	if (!known) return false;
	header.hash = await H('header', header.bytes);
	if (validators) await addHash(validators);
	const isSkip = kind === 'skip';
	const voters = isSkip ? validators : known;
	check(own === voters.hash, isSkip ? 'change_validators' : 'other_validators');
	check(kind !== 'next' || next !== own, 'change_nothing');
	check(!validators || next === validators.hash, 'change_validators');
	await checkVotes(final, voters);
	if (isSkip) {
		const signed = certificate.signers.map((signer) => validators.members[signer].public_key);
		const count = known.members.filter((member) => signed.includes(member.public_key)).length;
		check(count > known.faults, 'skip_untrusted');
	}
	if (validators) {
		const after = isSkip ? exact(BigInt(height) - 1n) : height;
		check(sets.every((set) => set.height !== after || set.validators.hash === validators.hash), 'change_conflict');
		sets.push({ height: after, validators });
		sets.sort((one, other) => (one.height < other.height ? -1 : 1));
	}
	return check(height !== trust.height || (trust.block_hash ?? header.hash) === header.hash, 'trusted_block');
};

// Check all headers; return the newest trust root to which they lead.
const checkFinality = async (trust, bundle) => {
	let newest = trust;
	const sets = [...trust.sets];
	for (const { validators } of sets) await addHash(validators);
	bundle.followed = 0;
	for (const final of bundle.validator_changes) {
		if (!(await follow(sets, trust, final))) continue;
		bundle.followed++;
		if (final.header.height > newest.height) newest = final.header;
	}
	check(await follow(sets, trust, bundle), 'before_trust');
	const { header } = bundle;
	bundle.validators = setBefore(sets, header.height);
	if (header.own === header.next && header.height > newest.height) newest = header;
	if (newest === trust) return trust;
	const { height, time_ms, hash } = newest;
	const before = sets.filter((set) => set.height < height);
	const earlier = before.filter((set, at) => set.validators.hash !== before[at - 1]?.validators.hash);
	const { validators } = sets.findLast((set) => set.height <= height);
	return { ...trust, height, time_ms, block_hash: hash, sets: [...earlier, { height, validators }] };
};

// Steps 5 to 7: inclusion, heads, history

// The root above a leaf (RFC 9162, 2.1.3.2); false: the path is not as long as from this place.
const rootOf = async (index, size, leaf, path) => {
	if (size < 2 || !path.length) return size < 2 && !path.length && sha256([0], leaf);
	const left = 2 ** (31 - Math.clz32(size - 1));
	const below = index < left ? [index, left] : [index - left, size - left];
	const pair = [await rootOf(...below, leaf, path.slice(0, -1)), path.at(-1)];
	return pair[0] && sha256([1], ...(index < left ? pair : pair.reverse()));
};

const checkInclusion = async ({ transactions, inclusion, header }) => {
	const { index, receipt, transaction_path, receipt_path } = inclusion;
	check(transactions.length === 1 && index < header.count, 'transaction_position');
	const { id } = transactions[0];
	const rootBy = (leaf, path) => rootOf(index, header.count, leaf, path);
	check((await rootBy(id, transaction_path)) === header.transactions, 'transaction_path');
	check((await rootBy(receipt.bytes, receipt_path)) === header.receipts, 'receipt_path');
	check(receipt.id === id, 'receipt_transaction');
};

const ones = (bits) => bits.toString(2).replaceAll('0', '').length;

const checkHead = async (root, { key, value, path }) => {
	const place = await H('key', key);
	let expected = root;
	for (const [depth, node] of path.entries()) {
		check((await H('node', node)) === expected, 'head_path');
		const [leaves, inner] = [(node[0] << 8) | node[1], (node[2] << 8) | node[3]];
		const end = (branches) => 4 + 32 * (2 * ones(leaves & branches) + ones(inner & branches));
		check(node.length === end(0xffff) && !(leaves & inner), 'head_path');
		const bit = 1 << parseInt(place[depth], 16);
		const at = end(bit - 1);
		expected = hex(node.subarray(at, at + 32));
		if (inner & bit) continue;
		check(depth === path.length - 1, 'head_path');
		const isThere = leaves & bit && expected === place;
		if (value === null) return check(!isThere, 'head_present');
		check(isThere, 'head_absent');
		return check(hex(node.subarray(at + 32, at + 64)) === (await H('head', value.bytes)), 'head_value');
	}
	return check(false, 'head_path');
};

const checkHistory = async ({ heads, transactions }, history) => {
	const { key, after_count, after_chain, records } = history;
	const head = heads.find((other) => other.key === key);
	check(head?.value?.count, 'history_head');
	check(after_count + records.length === head.value.count, 'history_count');
	check(after_count || !/[^0]/.test(after_chain), 'history_zero_chain');
	head.history = history;
	let [chain, count] = [after_chain, after_count];
	for (const record of records) {
		const { operation, height, index, time_ms, output } = record;
		const { id, sender, operations } = check(transactions[record.transaction], 'record_transaction');
		check(operation < operations.length, 'record_operation');
		const place = [bigEndian(operation, 4), bigEndian(height, 8), bigEndian(index, 4), bigEndian(time_ms, 8)];
		const link = await H('record', id, ...place, await H('output', output.bytes));
		chain = await H('chain', chain, link, bigEndian(++count, 8));
		Object.assign(record, { id, sender, ...operations[operation], output: output.value });
	}
	check(chain === hex(head.value.fields.get('chain')), 'history_chain');
};

// Step 8: subject

export const checkOwnHistory = (kind, { value, history }, after_count) => {
	check(history || (!value?.count && kind !== 'statement'), 'history_missing');
	check((history?.after_count ?? 0) === after_count, 'history_start');
};

const checkOrigin = ({ heads, transactions: [entry] }) => {
	if (!heads[0].value) return;
	const [id, operation] = ['transaction', 'operation'].map((name) => heads[0].value.fields.get(name));
	const isNamed = isBlob(id) && entry?.id === hex(id);
	check(isNamed && isWithin(operation, 0, entry.operations.length - 1), 'origin_missing');
};

const checkSubject = (bundle) => {
	const { kind, subject, heads, header, transactions, inclusion } = bundle;
	if (kind === 'transaction') {
		check(`${transactions.map(({ id }) => id)}` === subject.transaction_id && inclusion, 'subject');
	} else if (kind === 'trust') {
		check(header.height === subject.height, 'subject');
	} else {
		const wanted = subject.heads ?? [{ after_count: 0, ...subject }];
		check(`${heads.map(byKey)}` === `${wanted.map(byKey)}`, 'subject');
		if (kind === 'origin') checkOrigin(bundle);
		else wanted.forEach(({ after_count }, at) => checkOwnHistory(kind, heads[at], after_count));
	}
};

const checkNothingUnused = ({ kind, heads, header, history, inclusion, transactions, validator_changes }) => {
	check(!heads.length || !['transaction', 'trust'].includes(kind), 'unused_head');
	const isUsed = ({ kind, header: { height } }) => (kind === 'next' ? height < header.height : height <= header.height);
	check(validator_changes.every(isUsed), 'unused_change');
	check(kind !== 'origin' || !history.length, 'unused_history');
	check(kind === 'transaction' || !inclusion, 'unused_inclusion');
	if (kind === 'transaction') return;
	const numbers = new Set(history.flatMap(({ records }) => records.map(({ transaction }) => transaction)));
	if (kind === 'origin' && heads[0].value) numbers.add(0);
	check(numbers.size === transactions.length, 'unused_transaction');
	check([...numbers].every((number, at) => number === at), 'transaction_order');
	check(new Set(transactions.map(({ id }) => id)).size === numbers.size, 'duplicate_transaction');
};

// The whole

/**
 * Return what a bundle proves by a trust root, both JSON texts, or throw ProofError.
 *
 * A newest block before `timeMsMin` (UTC) or below `heightMin` is refused; kind `trace` needs `checkTrace` of trace.js.
 */
export async function verifyBundle(bundleText, trustText, { timeMsMin = 0, heightMin = 0, checkTrace } = {}) {
	check(globalThis.crypto?.subtle, 'no_webcrypto');
	await importKey('58' + '66'.repeat(31)).catch(() => check(false, 'no_ed25519'));
	const trust = readTrust(trustText);
	const bundle = await readBundle(bundleText);
	const { kind, chain_id, header, inclusion, validator_changes, transactions, heads, history } = bundle;
	check(kind !== 'trace' || checkTrace, 'no_trace');

	const isOurs = (entry) => entry.chain_id === trust.chain_id;
	check(isOurs(bundle), 'other_chain');
	check([...validator_changes, bundle].every((final) => isOurs(final.header)), 'header_chain');
	check(transactions.every(isOurs), 'transaction_chain');

	const newestTrust = await checkFinality(trust, bundle);
	check(header.time_ms >= timeMsMin && header.height >= heightMin, 'stale');
	for (const each of transactions) {
		const message = [domain('transaction'), chain_id, each.body];
		check(await isSigned(each.sender, each.signature, ...message), 'transaction_signature');
		each.id = await H('transaction', each.body);
	}
	if (inclusion) await checkInclusion(bundle);
	for (const head of heads) await checkHead(header.state, head);
	for (const entry of history) await checkHistory(bundle, entry);
	const stays = (kind === 'trace' ? checkTrace : checkSubject)(bundle) ?? [];
	checkNothingUnused(bundle);
	return { ...bundle, stays, trust: newestTrust };
}
