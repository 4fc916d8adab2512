/**
 * The proof verifier of Tradelane: what does a bundle prove to somebody who trusts these validators?
 *
 * One module without dependencies for browsers, Deno, Bun and Node. It needs WebCrypto and neither network nor clock.
 * docs/proofs.md has the steps and the reasons, and their order. Hashes and keys are in hexadecimal; integers are
 * numbers, beyond 2^53 BigInt.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

export const VERSION = '1.0.0';

/** A bundle or trust file is refused for one reason; with `no_webcrypto` or `no_ed25519` nothing was checked. */
export class ProofError extends Error {
	constructor(code) {
		super(code);
		this.code = code;
	}
}

const check = (condition, code) => {
	if (!condition) throw new ProofError(code);
	return condition;
};

// Bytes and numbers

const utf8 = (text) => new TextEncoder().encode(text);
const fromUtf8 = (bytes) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const join = (...parts) => {
	const all = parts.map((part) => (typeof part === 'string' ? unhex(part) : part));
	const whole = new Uint8Array(all.reduce((size, part) => size + part.length, 0));
	all.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
	return whole;
};

const exact = (big) => (BigInt.asIntN(54, big) === big ? Number(big) : big);
const plus = (number, more) => exact(BigInt(number) + BigInt(more));
const bigEndian = (number, size) => unhex(number.toString(16).padStart(2 * size, '0'));
const compare = (one, other) => (one < other ? -1 : Number(one > other));

// Hashes and signatures

const sha256 = async (...parts) => hex(new Uint8Array(await crypto.subtle.digest('SHA-256', join(...parts))));
const domain = (what) => utf8(`tradelane/${what}/v1\0`);
const H = (what, ...parts) => sha256(domain(what), ...parts);

const PRIME = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const Y_OF_ORDER_8 = 0x5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const SMALL_ORDER_Y = [0n, 1n, PRIME - 1n, Y_OF_ORDER_8, PRIME - Y_OF_ORDER_8];
const littleEndian = (text) => BigInt('0x' + hex(unhex(text).reverse()));

// Libraries differ on points that are not canonical or of small order, and whoever makes a key may choose one.
const isPoint = (text) => {
	const y = BigInt.asUintN(255, littleEndian(text));
	return y < PRIME && !SMALL_ORDER_Y.includes(y);
};

const importKey = async (text) => crypto.subtle.importKey('raw', unhex(text), 'Ed25519', false, ['verify']);

const isSigned = async (keys, sender, message, signature) => {
	const [r, s] = [signature.slice(0, 64), signature.slice(64)];
	if (littleEndian(s) >= ORDER || !isPoint(sender) || !isPoint(r)) return false;
	if (!keys.has(sender)) keys.set(sender, importKey(sender));
	try {
		return await crypto.subtle.verify('Ed25519', await keys.get(sender), unhex(signature), message);
	} catch {
		return false; // the key is no point of the curve
	}
};

// JSON

const isLonger = (text, most) => text.length > most && text.replace(/[\ud800-\udbff][\udc00-\udfff]/g, '.').length > most;

// A text is read if it is what comes out when its value is written again: no name twice, no number that is not exact.
const parseJson = (text, most) => {
	check(!isLonger(text, most), 'too_long');
	const isExact = (item) => (typeof item === 'number' ? Number.isSafeInteger(item) : (item?.isWellFormed?.() ?? true));
	let value, spelling;
	try {
		value = JSON.parse(text, (_, item) => (isExact(item) ? item : undefined));
		spelling = JSON.stringify(value);
	} catch {
		check(false, 'not_json');
	}
	check(spelling === text.replace(/("(?:[^"\\]+|\\.)*")|[ \t\n\r]+/g, '$1'), 'not_canonical');
	return value;
};

// Readers of JSON fields

const INTEGER_MAX = 2n ** 63n - 1n;
const isInteger = (value) => typeof value === 'number' || typeof value === 'bigint';
const isWithin = (value, least, most) => isInteger(value) && value >= least && value <= most;
const isText = (value, most) => typeof value === 'string' && value !== '' && !isLonger(value, most);
const isMap = (value) => value instanceof Map;

const asIs = (value) => value;
const integerOf = (most) => (value) => {
	check(isWithin(value, 0, most), 'field_type');
	return value;
};
const countOf = integerOf(Number.MAX_SAFE_INTEGER);
const indexOf = integerOf(10_000);
const textOf = (most) => (value) => check(isText(value, most) && value, 'field_type');

// An object with the fields of the readers and no others; they are read in the readers' order.
const objectOf = (value, readers, optional = []) => {
	check(value && typeof value === 'object' && !Array.isArray(value), 'field_type');
	const names = Object.keys(readers);
	check(names.every((name) => Object.hasOwn(value, name) || optional.includes(name)), 'missing_field');
	check(Object.keys(value).every((name) => names.includes(name)), 'unknown_field');
	const there = names.filter((name) => Object.hasOwn(value, name));
	return Object.fromEntries(there.map((name) => [name, readers[name](value[name])]));
};

const documentOf = (text, most, format, readers, optional) => {
	const value = parseJson(text, most);
	check(!Object.hasOwn(value ?? {}, 'format') || value.format === format, 'unknown_format');
	return objectOf(value, { format: asIs, ...readers }, optional);
};

const listOf = (value, most, read = asIs) => {
	check(Array.isArray(value), 'field_type');
	check(value.length <= most, 'too_many');
	return value.map((item) => read(item));
};

const tupleOf = (value, ...readers) => {
	check(listOf(value, readers.length).length === readers.length, 'field_type');
	return readers.map((read, at) => read(value[at]));
};

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const bytesOf = (most, least = 0) => (value) => {
	check(typeof value === 'string', 'field_type');
	check(!isLonger(value, Math.floor(most / 3) * 4 + 4), 'field_size');
	const rest = value.length % 4;
	const spare = [0, 0, 15, 3][rest] & BASE64URL.indexOf(value.at(-1));
	check(/^[\w-]*$/.test(value) && rest !== 1 && !spare, 'base64url');
	const bytes = atob(value.replace(/-/g, '+').replace(/_/g, '/'));
	check(bytes.length >= least && bytes.length <= most, 'field_size');
	return Uint8Array.from(bytes, (byte) => byte.charCodeAt(0));
};
const hexOf = (most, least) => (value) => hex(bytesOf(most, least)(value));
const hashOf = hexOf(32, 32);
const keyOf = hexOf(4096, 1);

// Canonical msgpack: what has another or shorter spelling is malformed

const need = (condition) => check(condition, 'malformed');

const isNormal = (text) => text.normalize() === text;

const decode = (bytes, most) => {
	let at = 0;
	const take = (size) => {
		need(at + size <= bytes.length);
		at += size;
		return bytes.subarray(at - size, at);
	};
	// An integer, or a length, that a shorter form could not hold.
	const unsigned = (size, least, shortest = 1) => {
		const number = exact(BigInt('0x' + hex(take(size))));
		need(number >= (size > shortest ? 2 ** (4 * size) : least));
		return number;
	};
	const signed = (size) => {
		const number = exact(BigInt.asIntN(8 * size, BigInt('0x' + hex(take(size)))));
		need(number < (size > 1 ? -(2 ** (4 * size - 1)) : -32));
		return number;
	};
	const text = (size) => {
		const read = fromUtf8(take(size));
		need(isNormal(read));
		return read;
	};
	const list = (length, depth) => {
		const items = [];
		for (need(depth < 8); items.length < length; ) items.push(value(depth + 1));
		return items;
	};
	const map = (length, depth) => {
		const fields = new Map();
		let before = '';
		for (need(depth < 8); fields.size < length; ) {
			const name = value(depth + 1);
			need(typeof name === 'string');
			const place = hex(utf8(name));
			need(!fields.size || before < place);
			before = place;
			fields.set(name, value(depth + 1));
		}
		return fields;
	};
	const value = (depth) => {
		const tag = take(1)[0];
		const size = 1 << (tag & 3);
		if (tag < 0x80) return tag;
		if (tag < 0x90) return map(tag - 0x80, depth);
		if (tag < 0xa0) return list(tag - 0x90, depth);
		if (tag < 0xc0) return text(tag - 0xa0);
		if (tag >= 0xe0) return tag - 0x100;
		if (tag === 0xc0) return null;
		if (tag === 0xc2 || tag === 0xc3) return tag === 0xc3;
		if (tag >= 0xc4 && tag <= 0xc6) return take(unsigned(size, 0));
		if (tag >= 0xcc && tag <= 0xcf) return unsigned(size, 0x80);
		if (tag >= 0xd0 && tag <= 0xd3) return signed(size);
		if (tag >= 0xd9 && tag <= 0xdb) return text(unsigned(size / 2, 0x20));
		if (tag === 0xdc || tag === 0xdd) return list(unsigned(2 * size, 16, 2), depth);
		need(tag >= 0xde);
		return map(unsigned(size / 2, 16, 2), depth);
	};
	need(bytes.length <= most);
	const whole = value(0);
	need(at === bytes.length);
	return whole;
};

// Votes and validators are encoded here: short arrays, texts and bytes, integers from 0 on.
const sized = (length, ...forms) => {
	const at = forms.findIndex(([, most]) => length <= most);
	const [tag, , size] = forms[at];
	return size ? join([tag], bigEndian(length, size)) : [tag + length];
};
const encode = (value) => {
	if (Array.isArray(value)) return join(sized(value.length, [0x90, 15], [0xdc, 100, 2]), ...value.map(encode));
	if (typeof value === 'string') {
		const bytes = utf8(value);
		return join(sized(bytes.length, [0xa0, 31], [0xd9, 255, 1], [0xda, 512, 2]), bytes);
	}
	if (!isInteger(value)) return join([0xc4, value.length], value);
	return sized(value, [0, 127], [0xcc, 255, 1], [0xcd, 65535, 2], [0xce, 2 ** 32 - 1, 4], [0xcf, INTEGER_MAX, 8]);
};

// Encoded objects

const isBlob = (value) => value instanceof Uint8Array;
const isSize = (size) => (value) => isBlob(value) && value.length === size;
const isHash = isSize(32);
const isUpTo = (most) => (value) => isWithin(value, 0, most);
const isCount = isUpTo(INTEGER_MAX);
const isIndex = isUpTo(10_000);
const isOne = (value) => value === 1;
const isList = (most, isItem) => (value) => Array.isArray(value) && value.length <= most && value.every(isItem);
const isTuple = (...tests) => (value) =>
	Array.isArray(value) && value.length === tests.length && tests.every((test, at) => test(value[at]));

const isHeader = isTuple(
	...[isOne, isHash, isCount, isCount, isHash, isHash, isIndex, isHash, isHash, isHash, isHash, isHash],
);
const isBitmap = (value) => isBlob(value) && value.length <= 13 && value.at(-1) !== 0;
const isCertificate = isTuple(isCount, isUpTo(2 ** 32 - 1), isHash, isBitmap, isList(100, isSize(64)));
const isSignedBody = isTuple(isBlob, isSize(64));
const isOperation = isTuple((method) => isText(method, 64), isMap);
const isBody = isTuple(isOne, isHash, isHash, isSize(16), isCount, isList(10_000, isOperation));
const isFailed = (value) => value === null || isIndex(value);
const isReceipt = isTuple(isHash, isUpTo(65535), isFailed, isList(10_000, () => true));
const isHead = (value) =>
	isMap(value) && (!value.has('chain') || (isHash(value.get('chain')) && isWithin(value.get('count'), 1, INTEGER_MAX)));

const decodeAs = (what, isIt, bytes, most) => {
	try {
		const value = decode(bytes, most);
		if (isIt(value)) return value;
	} catch {}
	return check(false, `${what}_encoding`);
};

const membersOf = (value) =>
	listOf(value, 100, (member) => Object.values(objectOf(member, { public_key: hashOf, organisation: textOf(128) })));

// The set of some members; its order is that of the keys.
const setOf = (members, code) => {
	members.sort();
	const isUsable = ([key, name], at) => isPoint(key) && key !== members[at - 1]?.[0] && isNormal(name);
	check(members.length && members.every(isUsable), code);
	const faults = Math.floor((members.length - 1) / 3);
	return { members, faults, quorum: Math.ceil((members.length + faults + 1) / 2) };
};
const trustedOf = (value) => setOf(membersOf(value), 'trusted_validators');

// Step 1: shape

const readTrust = (text) => {
	const trust = documentOf(
		...[text, 2 ** 24, 'tradelane-trust/1'],
		{
			height: countOf,
			earlier: (value) => listOf(value, 1000, (set) => objectOf(set, { height: countOf, validators: trustedOf })),
			network: textOf(64),
			chain_id: hashOf,
			validators: trustedOf,
			block_hash: hashOf,
			time_ms: countOf,
		},
		['height', 'earlier', 'block_hash', 'time_ms'],
	);
	const { height = 0, earlier = [], validators } = trust;
	const sets = [...earlier, { height, validators }];
	check(sets.every((set, at) => !at || sets[at - 1].height < set.height), 'trusted_heights');
	return { ...trust, height, sets };
};

// A list that must ascend by the places of its entries.
const entriesOf = (what, most, read, placeOf) => (value) => {
	const entries = listOf(value, most, read);
	entries.map(placeOf).forEach((place, at, places) => {
		check(!at || places[at - 1] !== place, `duplicate_${what}`);
		check(!at || places[at - 1] < place, `${what}_order`);
	});
	return entries;
};

const FINAL = { header: bytesOf(1024), certificate: bytesOf(16384) };
const finalOf = ({ header, certificate }) => {
	const [, chain_id, height, time_ms, , , count, ...roots] = decodeAs('header', isHeader, header, 1024);
	const [transactions, receipts, state, own, next] = roots.map(hex);
	const [votedHeight, view, voted, bitmap, signatures] = decodeAs('certificate', isCertificate, certificate, 6864);
	const signers = [...Array(bitmap.length * 8).keys()].filter((bit) => (bitmap[bit >> 3] >> (bit & 7)) & 1);
	return {
		...{ encoded: header, chain_id: hex(chain_id), height, time_ms, count, transactions, receipts, state, own, next },
		vote: { isForHeader: votedHeight === height, voted: hex(voted), encoded: encode([votedHeight, view, voted]) },
		signers,
		signatures: signatures.map(hex),
	};
};

const changeOf = (value) => {
	const kindOf = (kind) => check(['next', 'skip'].includes(kind) && kind, 'change_kind');
	const fields = objectOf(value, { kind: kindOf, ...FINAL, validators: asIs });
	const final = finalOf(fields);
	const members = membersOf(fields.validators);
	const validators = setOf([...members], 'change_members');
	check(members.every((member, at) => member === validators.members[at]), 'change_members');
	return { ...final, kind: fields.kind, validators };
};

const pathOf = (value) => listOf(value, 64, hashOf);
// What a raw deflate stream holds. Small pieces go in, so that one which never ends is left early.
const inflate = async (stream, most) => {
	let [at, size] = [0, 0];
	const pieces = [];
	const source = new ReadableStream({
		pull: (sink) => (at < stream.length ? sink.enqueue(stream.slice(at, (at += 4096))) : sink.close()),
	});
	const reader = source.pipeThrough(new DecompressionStream('deflate-raw')).getReader();
	for (let read; !(read = await reader.read()).done; pieces.push(read.value)) need((size += read.value.length) <= most);
	return join(...pieces);
};
const transactionsOf = async (stream) => {
	const encoded = await inflate(stream, 2 ** 24).catch(() => check(false, 'transactions_stream'));
	return decodeAs('transaction', isList(10_000, isBlob), encoded, 2 ** 24).map(transactionOf);
};
const transactionOf = (encoded) => {
	const [body, signature] = decodeAs('transaction', isSignedBody, encoded, 2 ** 21);
	const [, chain_id, sender, , , calls] = decodeAs('transaction', isBody, body, 2 ** 21);
	const operations = calls.map(([method, args]) => ({ method, arguments: args }));
	return { body, signature: hex(signature), chain_id: hex(chain_id), sender: hex(sender), operations };
};

const inclusionOf = (value) => {
	if (value === null) return null;
	const paths = { transaction_path: asIs, receipt_path: asIs };
	const entry = objectOf(value, { receipt: bytesOf(2 ** 22), index: indexOf, ...paths });
	const path = pathOf(entry.transaction_path);
	const [id, code] = decodeAs('receipt', isReceipt, entry.receipt, 2 ** 24);
	const receiptPath = pathOf(entry.receipt_path);
	return { index: entry.index, receipt: entry.receipt, path, receiptPath, id: hex(id), code };
};

const headOf = (value) => {
	const head = objectOf(value, { path: (path) => listOf(path, 64), key: keyOf, value: asIs });
	const path = head.path.map(bytesOf(1028));
	if (head.value === null) return { key: head.key, path, value: null, count: 0 };
	const encoded = bytesOf(2 ** 20)(head.value);
	const fields = decodeAs('head', isHead, encoded, 2 ** 24);
	return { key: head.key, path, encoded, value: fields, count: fields.has('chain') ? fields.get('count') : 0 };
};

const recordOf = (value) => {
	check(listOf(value, 6).length === 6, 'field_type');
	const encoded = bytesOf(2 ** 20)(value[5]);
	const numbers = tupleOf(value.slice(0, 5), indexOf, indexOf, countOf, indexOf, countOf);
	const [transaction, operation, height, index, time_ms] = numbers;
	const output = decodeAs('output', () => true, encoded, 2 ** 20);
	return { transaction, operation, height, index, time_ms, encoded, output };
};
const recordsOf = (value) => listOf(value, 10_000, recordOf);
const HISTORY = { key: keyOf, after_count: countOf, after_chain: hashOf, records: recordsOf };

const KEY = { key: keyOf };
const SUBJECTS = {
	transaction: { transaction_id: hashOf },
	head: KEY,
	statement: { ...KEY, after_count: countOf },
	heads: { heads: entriesOf('subject', 1000, (head) => tupleOf(head, keyOf, countOf), ([key]) => key) },
	trace: KEY,
	origin: KEY,
	trust: { height: countOf },
};

const readBundle = async (text) => {
	const keyPlaceOf = (entry) => entry.key;
	let subject, header;
	const bundle = documentOf(text, 2 ** 26, 'tradelane-proof/1', {
		kind: (kind) => {
			subject = check(typeof kind === 'string' && Object.hasOwn(SUBJECTS, kind) && SUBJECTS[kind], 'unknown_kind');
			return kind;
		},
		validator_changes: entriesOf('change', 1000, changeOf, (entry) => entry.height),
		header: (value) => (header = FINAL.header(value)),
		certificate: (value) => finalOf({ header, certificate: FINAL.certificate(value) }),
		chain_id: hashOf,
		subject: (value) => objectOf(value, subject),
		inclusion: inclusionOf,
		heads: entriesOf('head', 1000, headOf, keyPlaceOf),
		history: entriesOf('history', 1000, (value) => objectOf(value, HISTORY), keyPlaceOf),
		transactions: bytesOf(2 ** 24),
	});
	bundle.transactions = await transactionsOf(bundle.transactions);
	return bundle;
};

// Step 3: certificates

const setBefore = (sets, height) => sets.findLast((set) => set.height < height)?.validators;

const putInForce = (sets, height, validators) => {
	const at = sets.findIndex((set) => set.height >= height);
	if (sets[at]?.height === height) check(sets[at].validators.hash === validators.hash, 'change_conflict');
	else sets.splice(at < 0 ? sets.length : at, 0, { height, validators });
};

const checkCertificate = async (keys, header, { members, quorum }) => {
	const { vote, signers, signatures } = header;
	check(vote.isForHeader && vote.voted === header.hash, 'certificate_block');
	check(signers.length === signatures.length, 'certificate_signature_count');
	check(!(signers.at(-1) >= members.length), 'certificate_unknown_signer');
	check(signers.length >= quorum, 'certificate_no_quorum');
	const message = join(domain('commit'), header.chain_id, vote.encoded);
	const verdicts = signers.map((signer, at) => isSigned(keys, members[signer][0], message, signatures[at]));
	check((await Promise.all(verdicts)).every(Boolean), 'certificate_bad_signature');
};

const follow = async (keys, sets, change) => {
	const { kind, height, own, next, validators } = change;
	check(height, 'genesis_header');
	const trusted = setBefore(sets, height);
	if (!trusted) return false; // from before the trust root
	if (kind === 'next') {
		check(own === trusted.hash, 'other_validators');
		check(next !== own, 'change_nothing');
		check(next === validators.hash, 'change_validators');
		await checkCertificate(keys, change, trusted);
		putInForce(sets, height, validators);
		return true;
	}
	check(own === validators.hash && next === own, 'change_validators');
	await checkCertificate(keys, change, validators);
	const known = new Set(trusted.members.map(([key]) => key));
	const signed = change.signers.filter((signer) => known.has(validators.members[signer][0]));
	check(signed.length > trusted.faults, 'skip_untrusted');
	putInForce(sets, plus(height, -1), validators);
	return true;
};

const checkTrusted = (header, trust) =>
	check(header.height !== trust.height || [undefined, header.hash].includes(trust.block_hash), 'trusted_block');

// Check that the header is final; return the newest trust root that this leads to. `sets` comes to know every change.
const checkFinality = async (keys, sets, bundle, trust) => {
	let newest = trust;
	bundle.followed = 0;
	for (const change of bundle.validator_changes) {
		if (!(await follow(keys, sets, change))) continue;
		checkTrusted(change, trust);
		bundle.followed++;
		if (change.height > newest.height) newest = change;
	}
	const { header } = bundle;
	check(header.height, 'genesis_header');
	const validators = check(setBefore(sets, header.height), 'before_trust');
	check(header.own === validators.hash, 'other_validators');
	await checkCertificate(keys, header, validators);
	checkTrusted(header, trust);
	if (header.own === header.next && header.height > newest.height) newest = header;
	if (newest === trust) return trust;
	const { height, time_ms, hash } = newest;
	const before = sets.filter((set) => set.height < height);
	const earlier = before.filter((set, at) => set.validators.hash !== before[at - 1]?.validators.hash);
	const last = { height, validators: setBefore(sets, plus(height, 1)) };
	return { ...trust, height, time_ms, block_hash: hash, sets: [...earlier, last] };
};

// Steps 5 to 7: inclusion, heads, history

// Whether a leaf stands at an index of a tree (RFC 9162, 2.1.3.2).
const isLeaf = async (index, size, leaf, path, root) => {
	let [node, last, hash] = [index, size - 1, await sha256([0], leaf)];
	const up = () => ([node, last] = [node >> 1, last >> 1]);
	for (const sibling of path) {
		if (!last) return false;
		const isRight = node % 2 || node === last;
		hash = await sha256([1], ...(isRight ? [sibling, hash] : [hash, sibling]));
		while (isRight && node && node % 2 === 0) up();
		up();
	}
	return !last && hash === root;
};

const checkInclusion = async ({ transactions, inclusion, header }) => {
	if (!inclusion) return;
	const { index, path, receiptPath } = inclusion;
	check(transactions.length === 1 && index < header.count, 'transaction_position');
	const { id } = transactions[0];
	check(await isLeaf(index, header.count, id, path, header.transactions), 'transaction_path');
	check(await isLeaf(index, header.count, inclusion.receipt, receiptPath, header.receipts), 'receipt_path');
	check(inclusion.id === id, 'receipt_transaction');
};

const ones = (bits) => bits.toString(2).replace(/0/g, '').length;

const checkHead = async (root, { key, encoded, value, path }) => {
	const place = await H('key', key);
	let expected = root;
	for (const [depth, node] of path.entries()) {
		check((await H('node', node)) === expected, 'head_path');
		const [leaves, inner] = [(node[0] << 8) | node[1], (node[2] << 8) | node[3]];
		check(node.length === 4 + 32 * (2 * ones(leaves) + ones(inner)) && !(leaves & inner), 'head_path');
		const bit = 1 << parseInt(place[depth], 16);
		const at = 4 + 32 * (2 * ones(leaves & (bit - 1)) + ones(inner & (bit - 1)));
		expected = hex(node.subarray(at, at + 32));
		if (inner & bit) continue;
		check(depth === path.length - 1, 'head_path');
		const isThere = leaves & bit && expected === place;
		if (value === null) return check(!isThere, 'head_present');
		check(isThere, 'head_absent');
		return check(hex(node.subarray(at + 32, at + 64)) === (await H('head', encoded)), 'head_value');
	}
	return check(false, 'head_path');
};

const checkHistory = async (bundle, { key, after_count, after_chain, records }) => {
	const head = bundle.headByKey.get(key);
	check(head?.count, 'history_head');
	check(after_count + records.length === head.count, 'history_count');
	check(after_count || !/[^0]/.test(after_chain), 'history_zero_chain');
	let [chain, count] = [after_chain, after_count];
	for (const { transaction, operation, height, index, time_ms, encoded } of records) {
		const entry = check(bundle.transactions[transaction], 'record_transaction');
		check(operation < entry.operations.length, 'record_operation');
		const place = [bigEndian(operation, 4), bigEndian(height, 8), bigEndian(index, 4), bigEndian(time_ms, 8)];
		const record = await H('record', entry.id, ...place, await H('output', encoded));
		chain = await H('chain', chain, record, bigEndian(++count, 8));
	}
	check(chain === hex(head.value.get('chain')), 'history_chain');
};

// Containers: what an item was packed in, read from its own records

const HARMLESS = 'already_packed event_before_commissioning not_commissioned'.split(' ');
const CLOSING = 'consumed decommissioned event_already_captured event_id_conflict event_in_future not_custodian'.split(' ');
// What keeps an event from taking effect on an item, and what keeps a container from taking one in.
const REFUSING = [
	...CLOSING,
	...'already_commissioned cycle declaration_differs not_event_capturer too_deep unknown_event'.split(' '),
];
const OPENING = [...HARMLESS, 'cycle', 'too_deep'];
const listIn = (map, name) => (Array.isArray(map.get(name)) ? map.get(name) : []);

// Whether an operation took effect on an item, and in a container; null where the receipt does not tell.
const effectOf = (output, item, container) => {
	if (output === null) return true;
	if (!isMap(output)) return null;
	const violations = listIn(output, 'violations');
	const pairs = violations.filter((pair) => Array.isArray(pair) && pair.length === 2);
	const own = pairs.filter(([name]) => name === item).map(([, rule]) => rule);
	const others = pairs.filter(([name]) => name === container).map(([, rule]) => rule);
	if (own.some((rule) => REFUSING.includes(rule)) || others.some((rule) => CLOSING.includes(rule))) return false;
	const isHarmless = own.every((rule) => HARMLESS.includes(rule)) && others.every((rule) => OPENING.includes(rule));
	return isHarmless && output.get('violations_count') === violations.length ? true : null;
};

// The containers that the records of an item tell of: [container, since, until].
const ownStays = (item, acts) => {
	const stays = [];
	const open = new Map();
	const close = (time, ...parents) => {
		for (const parent of parents) {
			stays.push([parent, open.get(parent), time]);
			open.delete(parent);
		}
	};
	const events = acts
		.filter(([{ method, arguments: told }]) => method === 'provenance.capture' && !told.has('declaration'))
		.map(([operation, output]) => [operation.arguments.get('event_time_ms'), operation.arguments, output])
		.filter(([time]) => isInteger(time))
		.sort((one, other) => compare(one[0], other[0]));
	for (const [time, told, output] of events) {
		const [type, action, parent] = ['type', 'action', 'parent'].map((name) => told.get(name));
		const has = (name) => listIn(told, name).includes(item);
		const isFor = typeof parent === 'string' && parent !== item && ['ADD', 'DELETE'].includes(action);
		if (type === 'AggregationEvent' && isFor) {
			const isAll = !listIn(told, 'children').length && !listIn(told, 'child_quantities').length;
			if (action === 'ADD' && has('children')) {
				const effect = effectOf(output, item, parent);
				if (effect) close(time, ...[...open.keys()].filter((other) => other !== parent));
				if (effect !== false && !open.has(parent)) open.set(parent, time);
			} else if (action === 'DELETE' && (has('children') || isAll) && open.has(parent)) {
				if (effectOf(output, item)) close(time, parent);
			}
			continue;
		}
		const isUsed = type === 'TransformationEvent' && has('inputs') && !has('outputs');
		const isRemoved = type === 'ObjectEvent' && action === 'DELETE' && has('epcs');
		if ((isUsed || isRemoved) && effectOf(output, item)) close(time, ...open.keys());
	}
	close(Infinity, ...open.keys());
	return stays;
};

// Windows of time in order, those that overlap or touch as one.
const joined = (windows) => {
	const whole = [];
	for (const [since, until] of windows.sort((one, other) => compare(one[0], other[0]))) {
		const last = whole.at(-1);
		if (!last || since > last[1]) whole.push([since, until]);
		else if (until > last[1]) last[1] = until;
	}
	return whole;
};

const staysOf = (subject, actsOf) => {
	const [known, found] = [new Map(), new Map()];
	const add = (map, name, value) => map.set(name, [...(map.get(name) ?? []), value]);
	let asked = new Map([[subject, [[-Infinity, Infinity]]]]);
	for (let level = 0; level < 16; level++) {
		const above = new Map();
		for (const [child, windows] of asked) {
			if (!known.has(child)) known.set(child, ownStays(child, actsOf(child)));
			for (const [parent, since, until] of known.get(child)) {
				for (const [from, to] of windows.filter((window) => window[1] >= since && window[0] <= until)) {
					const shared = [from > since ? from : since, to < until ? to : until];
					add(above, parent, shared);
					add(found, JSON.stringify([child, parent]), shared);
				}
			}
		}
		asked = new Map([...above].map(([parent, windows]) => [parent, joined(windows)]));
	}
	[...asked.keys()].forEach(actsOf);
	const places = new Map([...found.keys()].map((pair) => [pair, JSON.parse(pair).map((text) => hex(utf8(text)) + ' ')]));
	return [...found]
		.sort(([one], [other]) => compare(places.get(one).join(''), places.get(other).join('')))
		.flatMap(([pair, windows]) => joined(windows).map(([from, to]) => [...JSON.parse(pair), from, to < Infinity ? to : null]));
};

// Step 8: subject

const itemKey = (item) => hex(utf8(`item\0${item}`));

const checkOwnHistory = (bundle, head, after_count) => {
	if (!head.count && bundle.kind !== 'statement') return check(!after_count, 'history_start');
	const history = check(bundle.historyByKey.get(head.key), 'history_missing');
	return check(history.after_count === after_count, 'history_start');
};

const checkOrigin = ({ heads, transactions: [entry] }) => {
	const head = heads[0].value;
	if (!head) return;
	const [id, operation] = [head.get('transaction'), head.get('operation')];
	check(isHash(id) && entry?.id === hex(id), 'origin_missing');
	check(isWithin(operation, 0, entry.operations.length - 1), 'origin_missing');
};

const checkTrace = (bundle) => {
	const { key } = bundle.subject;
	let item;
	try {
		item = fromUtf8(unhex(key)).match(/^item\0([^]+)/)[1];
	} catch {
		check(false, 'trace_item');
	}
	const head = check(bundle.headByKey.get(key), 'subject');
	checkOwnHistory(bundle, head, 0);
	const actsOf = (name) => {
		const history = !name.includes('\0') && bundle.historyByKey.get(itemKey(name));
		check(history && !history.after_count, 'parent_missing');
		return history.records.map(({ transaction, operation, output }) => [
			bundle.transactions[transaction].operations[operation],
			output,
		]);
	};
	const stays = head.count ? staysOf(item, actsOf) : [];
	const keys = [key, ...stays.map((stay) => itemKey(stay[1]))];
	check(bundle.heads.every((other) => keys.includes(other.key)), 'unused_head');
	return stays;
};

const checkSubject = (bundle) => {
	const { kind, subject, heads, header, transactions, inclusion } = bundle;
	if (kind === 'trace') return checkTrace(bundle);
	const isAll = (entries, name, wanted) => `${entries.map((entry) => entry[name])}` === `${wanted}`;
	if (kind === 'transaction') check(isAll(transactions, 'id', [subject.transaction_id]) && inclusion, 'subject');
	else if (kind === 'trust') check(header.height === subject.height, 'subject');
	else {
		const wanted = subject.heads ?? [[subject.key, subject.after_count ?? 0]];
		check(isAll(heads, 'key', wanted.map(([key]) => key)), 'subject');
		if (kind === 'origin') checkOrigin(bundle);
		else wanted.forEach(([, after_count], at) => checkOwnHistory(bundle, heads[at], after_count));
	}
	return [];
};

const checkNothingUnused = ({ kind, heads, header, history, inclusion, transactions, validator_changes }) => {
	check(!heads.length || !['transaction', 'trust'].includes(kind), 'unused_head');
	const change = validator_changes.at(-1);
	check(!change || change.height + (change.kind === 'next') <= header.height, 'unused_change');
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

const inOrder = async (entries, run) => {
	for (const { reason } of await Promise.allSettled(entries.map(run))) if (reason) throw reason;
};

const byName = (entries, name) => new Map(entries.map((entry) => [entry[name], entry]));

const factsOf = (bundle, sets, trust, stays) => {
	const { kind, chain_id, header, inclusion, followed } = bundle;
	const { height, time_ms, hash, signers } = header;
	const { members, quorum, faults } = setBefore(sets, height);
	const [{ id, sender, operations } = {}] = bundle.transactions;
	const signed = { id, sender, operations };
	return {
		...{ kind, chain_id, height, time_ms, network: trust.network, changes: followed, stays, trust },
		header: { height, time_ms, block_hash: hash, signers: signers.length, validators: members.length, quorum, faults },
		signed: bundle.transactions.length,
		transaction: inclusion && { ...signed, height, time_ms, ...{ index: inclusion.index, code: inclusion.code } },
		origin: kind === 'origin' && id ? signed : null,
		heads: bundle.heads.map(({ key, value, count }) => {
			const history = bundle.historyByKey.get(key);
			const records = (history?.records ?? []).map(({ height, index, operation, time_ms, transaction, output }) => {
				const { id, sender, operations } = bundle.transactions[transaction];
				return { height, index, operation, time_ms, id, sender, output, ...operations[operation] };
			});
			const is_complete = value !== null && records.length === count;
			const after_count = history?.after_count ?? 0;
			return { key, value, count, is_shown: Boolean(history), is_complete, after_count, records };
		}),
	};
};

/**
 * Return what a bundle proves to somebody with this trust root, both JSON texts, or throw ProofError.
 *
 * `timeMsMin` (UTC) and `heightMin` refuse a bundle whose newest block is older or lower. docs/proofs.md has the facts.
 */
export async function verifyBundle(bundleText, trustText, { timeMsMin = 0, heightMin = 0 } = {}) {
	check(globalThis.crypto?.subtle, 'no_webcrypto');
	await importKey('58' + '66'.repeat(31)).catch(() => check(false, 'no_ed25519'));
	const trust = readTrust(trustText);
	const bundle = await readBundle(bundleText);
	const header = (bundle.header = bundle.certificate);
	const { validator_changes, transactions, heads, history } = bundle;
	const finals = [...validator_changes, header];
	await Promise.all([
		...finals.map(async (final) => (final.hash = await H('header', final.encoded))),
		...transactions.map(async (entry) => (entry.id = await H('transaction', entry.body))),
		...[...validator_changes, ...trust.sets].map(async ({ validators }) => {
			const members = validators.members.map(([key, organisation]) => [unhex(key), organisation]);
			validators.hash = await H('validators', encode(members));
		}),
	]);
	bundle.headByKey = byName(heads, 'key');
	bundle.historyByKey = byName(history, 'key');

	const isOurs = ({ chain_id }) => chain_id === trust.chain_id;
	check(isOurs(bundle), 'other_chain');
	check(finals.every(isOurs), 'header_chain');
	check(transactions.every(isOurs), 'transaction_chain');

	const keys = new Map();
	const sets = [...trust.sets];
	const newestTrust = await checkFinality(keys, sets, bundle, trust);
	check(header.time_ms >= timeMsMin && header.height >= heightMin, 'stale');

	const isSentBy = ({ sender, body, signature, chain_id }) =>
		isSigned(keys, sender, join(domain('transaction'), chain_id, body), signature);
	check((await Promise.all(transactions.map(isSentBy))).every(Boolean), 'transaction_signature');
	await checkInclusion(bundle);
	await inOrder(heads, (head) => checkHead(header.state, head));
	await inOrder(history, (entry) => checkHistory(bundle, entry));
	const stays = checkSubject(bundle);
	checkNothingUnused(bundle);
	return factsOf(bundle, sets, newestTrust, stays);
}
