/**
 * The check on the page of a thing: fetch its proof, or take one from a file, verify it here, and say what it proves.
 *
 * The server's words are not believed: the proof must be about the thing of this page, and what the page says is held
 * against it. Texts go into the page as texts and never as markup.
 */

import { checkTrace } from './trace.js';
import { ProofError, base64url, fromUtf8, hex, unhex, utf8, verifyBundle } from './verify.js';

const OLD_MS = 24 * 3600_000;
const SIZE_MAX = 64 * 1024 * 1024;

// What a refusal means, for people; the code stands beside it.
const MEANINGS = [
	[/^(history|record)_/, 'Entries are missing, added or moved: the records shown are not those that the network counts.'],
	[/^head_/, 'The entry shown is not the one that the network holds.'],
	[/^certificate_|^skip_/, 'Too few of the trusted validators signed a block in it.'],
	[/_signature$/, 'A signature in it is false.'],
	[/_path$|^receipt_/, 'An entry in it is not in the block that it is said to be in.'],
	[/^other_chain$|_chain$/, 'It is of another network than the one that you trust.'],
	[/^(other_validators|before_trust|trusted_block|change_)/, 'Its validators are not those that you trust.'],
	[/^stale$/, 'It is older than the trust root. What came later is hidden.'],
	[/^other_subject$/, 'It is about another thing.'],
	[/^recall_untold$/, 'A recall of it stands, and this page does not tell of it. Load the page again; if it still does not, it hides the recall.'],
	[/^trusted_/, 'The trust file cannot be used.'],
	[/^unreachable$/, 'The proof could not be fetched. That says nothing about the record; try again.'],
	[/./, 'It is damaged, incomplete or not a proof.'],
];

const byId = (id) => document.getElementById(id);
const plural = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;

const element = (tag, text, className) => {
	const made = document.createElement(tag);
	if (text) made.textContent = text;
	if (className) made.className = className;
	return made;
};

const timeText = (ms) =>
	`${new Date(Number(ms)).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })} UTC`;

const ageText = (ms) => {
	const minutes = Math.floor(ms / 60_000);
	if (minutes < 1) return 'less than a minute ago';
	if (minutes < 120) return `${plural(minutes, 'minute')} ago`;
	const hours = Math.floor(minutes / 60);
	return hours < 48 ? `${hours} hours ago` : `${Math.floor(hours / 24)} days ago`;
};

// The steps in the words of the Python verifier (tests hold them together).
const stepsOf = (facts) => {
	const { trust, followed, transactions, heads, history, kind } = facts;
	const signed = transactions.length;
	const steps = [
		['Form', 'The file is a complete proof bundle in a known format, with nothing missing or added.'],
		['Chain', `Everything in it belongs to the network ${trust.network}, the one that you trust.`],
	];
	if (followed) {
		const changes = plural(followed, 'change');
		steps.push(['Validators', `${changes} of the validators, each signed by those trusted before.`]);
	}
	steps.push(['Certificate', certificateText(facts)]);
	if (signed) steps.push(['Signatures', `The sender signed each of ${plural(signed, 'transaction')}.`]);
	if (facts.inclusion) {
		steps.push(['Inclusion', 'The transaction stands in the block, and its receipt says what it did.']);
	}
	for (const head of heads) {
		const isThere = 'The entry is shown as it stood after the newest block.';
		steps.push(['State', head.value ? isThere : 'As of the newest block there is no such entry.']);
	}
	for (const { records, after_count } of history) {
		const after = after_count ? ` after the first ${after_count}` : '';
		const shown = `All ${plural(records.length, 'record')}${after} are here`;
		steps.push(['History', `${shown}, in order: none was left out or added.`]);
	}
	if (kind === 'trace') {
		const count = new Set(facts.stays.map((stay) => stay[1])).size;
		steps.push(['Containers', `All ${plural(count, 'container')} that it was in are here, none left out.`]);
	}
	if (kind === 'origin' && signed) {
		steps.push(['Origin', 'The transaction that made the entry is the one shown.']);
	}
	steps.push(['Subject', 'The file shows what it says that it is about, and nothing besides.']);
	return steps;
};

const certificateText = ({ header, validators: { members, quorum, faults } }) => {
	const liars = `${faults ? `at most ${faults}` : 'none'} of them ${faults > 1 ? 'lie' : 'lies'}.`;
	const most = `At least ${quorum} of ${plural(members.length, 'validator')}`;
	const signed = `${most} signed block ${header.height}, the newest here.`;
	return `${signed} No other block can stand in its place while ${liars}`;
};

// An entry of the history in a few words: when, and what.
const entryOf = ({ height, time_ms, sender, method, arguments: told }) => {
	const time = told.get('event_time_ms') ?? time_ms;
	const words = (value) => (typeof value === 'string' ? value.split(/[:/-]/).pop().replace(/_/g, ' ') : '');
	const what = { 'custody.accept': 'hand-over accepted', 'custody.offer': 'hand-over offered' }[method] ?? method;
	const event = method === 'provenance.capture' && (words(told.get('biz_step')) || words(told.get('type')));
	return [timeText(time), `${event || what}, signed by key ${sender.slice(0, 8)}…`, `block ${height}`];
};

// What was in what, and for how long.
const stayOf = ([item, container, since, until]) => {
	const name = (identifier) => identifier.split('/').slice(-2).join(' ');
	const end = until === null ? 'no end is known' : `until ${timeText(until)}`;
	return [`from ${timeText(since)}`, `${name(item)} was in ${name(container)}`, end];
};

// The top of the page as the server wrote it; a later check, with another file, begins from there again.
const first = document.querySelector('.outcome')?.cloneNode(true);

const show = (state, title, texts) => {
	const panel = byId('check');
	panel.dataset.state = state;
	byId('check-result').replaceChildren(
		element('p', title, 'verdict'),
		...texts.map(([text, className]) => element('p', text, className)),
	);
	byId('check-steps').replaceChildren();
	byId('check-entries').replaceChildren();
	byId('check-more').hidden = true;
	const top = first?.cloneNode(true);
	if (top) document.querySelector('.outcome').replaceWith(top);
	if (state === 'refused' && top) {
		top.className = 'outcome refused';
		top.querySelector('.verdict').textContent = 'Proof refused';
		top.querySelector('path').setAttribute('d', 'M16 16l16 16M32 16l-16 16');
		top.querySelectorAll('.verdict ~ *').forEach((told) => told.remove());
		top.querySelector('.verdict').after(element('p', texts[0][0]));
	}
	const by = byId('checked-by');
	if (by) by.textContent = BY[state] ?? by.textContent;
};

const BY = {
	verified: 'Checked by this server, and on this device.',
	old: 'Checked by this server, and on this device, as of the time below.',
	unsupported: 'Checked by this server alone; this browser could not.',
	unreachable: 'Checked by this server alone; its proof could not be fetched.',
};

const showRefusal = (code) => {
	if (code === 'no_webcrypto' || code === 'no_ed25519') {
		const why =
			code === 'no_webcrypto'
				? 'It allows checks on pages that come by https alone.'
				: 'It is too old to check Ed25519 signatures.';
		const advice = 'Open the page in a newer browser, or check the proof with tradelane verify.';
		show('unsupported', 'Not checked', [[`This browser cannot check the proof. ${why}`], [advice, 'quiet']]);
		return;
	}
	const meaning = MEANINGS.find(([pattern]) => pattern.test(code))[1];
	const isMissing = code === 'unreachable';
	const advice = 'Do not rely on this page. Ask another member of the network.';
	show(isMissing ? 'unreachable' : 'refused', isMissing ? 'Not checked' : 'Proof refused', [
		[meaning],
		[`Reason: ${code}.${isMissing ? '' : ` ${advice}`}`, 'quiet'],
	]);
};

const showFacts = (facts, head, recalls, elapsedMs, trustName) => {
	const { height, time_ms } = facts.header;
	const age = Date.now() - Number(time_ms);
	const isOld = age > OLD_MS;
	const texts = [[`As of block ${height} of ${timeText(time_ms)}, ${ageText(age)}.`]];
	if (isOld) {
		texts.push([
			'That is long ago. The network may have been quiet since, or this server shows an old state as new. ' +
				'Compare with another member before you rely on it.',
			'warning',
		]);
	}
	const count = head.value?.count ?? 0;
	const records = head.history?.records ?? [];
	const told = Number(byId('check').dataset.count ?? count);
	if (told !== count) {
		const what = `The page tells of ${plural(told, 'entry').replace('entrys', 'entries')}, the proof of ${count}.`;
		texts.push([`${what} Load the page again; if they still differ, the page leaves something out.`, 'warning']);
	}
	texts.push(recallText(recalls));
	texts.push([`Checked in ${Math.max(1, Math.round(elapsedMs))} ms with ${trustName}.`, 'quiet']);
	const isFine = !isOld && told === count && recalls?.standing === false;
	show(isFine ? 'verified' : 'old', isFine ? 'Record verified' : 'Record verified, with a caution', texts);
	byId('check-steps').replaceChildren(
		...stepsOf(facts).map(([title, proves]) => {
			const row = element('li');
			row.append(element('b', title), ' ', element('span', proves));
			return row;
		}),
	);
	const entries = [...records.map(entryOf), ...facts.stays.map(stayOf)];
	byId('check-entries').replaceChildren(
		...entries.map(([time, what, where]) => {
			const row = element('li');
			row.append(element('span', what), element('span', `${time} · ${where}`, 'where'));
			return row;
		}),
	);
	byId('check-more').hidden = !records.length;
};

const recallText = (recalls) => {
	if (!recalls) return ['Whether a recall of it stands could not be checked.', 'warning'];
	const asOf = `as of block ${recalls.height}`;
	if (recalls.standing) return [`It is recalled, ${asOf}.`, 'warning'];
	return [`No recall of it, its lot or its product stands ${asOf}: that is proven too.`];
};

// The keys under which recalls of a thing stand, by what is proven of it: itself, its lot and its product.
const recallKeys = ({ key, value }) => {
	const [kind, ...names] = fromUtf8(unhex(key)).split('\0');
	const [gtin, lot] = ['product', 'lot'].map((name) => value?.fields.get(name));
	const targets = [[kind, ...names]];
	if (kind === 'item' && gtin && lot) targets.push(['lot', `https://id.gs1.org/01/${gtin}/10/${lot}`]);
	if (gtin) targets.push(['product', gtin]);
	return targets.map((target) => utf8(['recalled', ...target].join('\0')));
};

// Whether a recall stands, proven like all else; null where nobody could be asked.
const recallsOf = async (facts, head, trustText) => {
	const keys = recallKeys(head);
	const { proofs } = byId('check').dataset;
	const text = dataBlock('recalls') ?? (proofs ? await fetched(`${proofs}?keys=${keys.map((key) => base64url(String.fromCharCode(...key)))}`) : null);
	if (!text) return null;
	const proven = await verifyBundle(text, trustText);
	const heads = keys.map((key) => proven.heads.find((other) => other.key === hex(key)));
	if (heads.includes(undefined)) throw new ProofError('other_subject');
	if (proofs && proven.header.height < facts.header.height) throw new ProofError('stale');
	return { height: proven.header.height, standing: heads.some(({ value }) => value !== null) };
};

const check = async (bundleText, trustText, trustName) => {
	const started = performance.now();
	try {
		const facts = await verifyBundle(bundleText, trustText, { checkTrace });
		const head = facts.heads.find((other) => other.key === byId('check').dataset.key);
		if (!head) throw new ProofError('other_subject');
		if (facts.header.height < facts.trust.height) throw new ProofError('stale');
		const recalls = await recallsOf(facts, head, trustText);
		if (recalls?.standing && first && !first.classList.contains('stop')) throw new ProofError('recall_untold');
		showFacts(facts, head, recalls, performance.now() - started, trustName);
	} catch (error) {
		if (!(error instanceof ProofError)) throw error;
		showRefusal(error.code);
	}
};

const fetched = async (address) => {
	try {
		const response = await fetch(address, { cache: 'no-store' });
		return response.ok ? await response.text() : null;
	} catch {
		return null;
	}
};

// A data block of the page; "<" is escaped in it, so that nothing in it ends the block.
const dataBlock = (id) => byId(id)?.textContent.replaceAll('\\u003c', '<');

const start = async () => {
	const panel = byId('check');
	panel.hidden = false;
	let trust = [dataBlock('trust'), 'the trust root of this page'];
	let bundle = dataBlock('bundle') ?? (await fetched(panel.dataset.proof));
	const run = () => (bundle === null ? showRefusal('unreachable') : check(bundle, ...trust));
	const onFile = (id, take) =>
		byId(id)?.addEventListener('change', async ({ target }) => {
			const [file] = target.files;
			if (!file) return;
			take(file.size > SIZE_MAX ? '' : await file.text(), file.name);
			await run();
		});
	onFile('trust-file', (text, name) => (trust = [text, `your trust file ${name}`]));
	onFile('bundle-file', (text) => (bundle = text));
	await run();
};

start();
