"""The page of the live view: three constant files, nothing of which is made from data.

The script asks `/state` for news, which the server answers when there are any, then shows the
newest images. Names and sentences enter as text, never as HTML.
"""

HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>lfp-tf live view</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/live.css">
</head>
<body>
<header><h1 id="title">lfp-tf</h1><p id="facts"></p></header>
<main>
<figure><img id="overlay" alt="the frame under what the network sees">
<figcaption id="under"></figcaption></figure>
<figure id="beside"><img id="image" alt="the frame"><figcaption>The frame</figcaption></figure>
<table><caption>In view</caption><tbody id="legend"></tbody></table>
</main>
<p id="state" role="status">Connecting</p>
<script src="/live.js"></script>
</body>
</html>
"""

CSS = """
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 1rem; }
header { display: flex; gap: 1.5rem; align-items: baseline; flex-wrap: wrap; }
h1 { font-size: 1.2rem; margin: 0; }
p { margin: 0.4rem 0; }
main { display: flex; gap: 1rem; flex-wrap: wrap; align-items: flex-start; }
figure { margin: 0; flex: 1 1 20rem; max-width: 60rem; }
img { width: 100%; image-rendering: auto; background: #8883; min-height: 4rem; }
#overlay { cursor: crosshair; }
table { border-collapse: collapse; min-width: 14rem; }
caption { text-align: left; font-weight: 600; }
td { padding: 0.1rem 0.5rem 0.1rem 0; }
td.swatch { width: 1.2rem; border: 1px solid #8888; }
td.share { text-align: right; font-variant-numeric: tabular-nums; }
"""

JAVASCRIPT = """
'use strict';
const byId = (id) => document.getElementById(id);
const overlay = byId('overlay');
const texts = {loading: 'The network is being loaded.', waiting: 'Waiting for the first frame.',
               running: '', ended: 'The video has ended.', failed: 'The video broke off.'};
let number = null, state = '', size = null, mouse = null;

function cell(row, name, text) {
  const made = row.insertCell();
  made.className = name;
  made.textContent = text;
  return made;
}

function showLegend(classes) {
  const legend = byId('legend');
  legend.replaceChildren();
  for (const entry of classes) {
    const row = legend.insertRow();
    cell(row, 'swatch', '').style.backgroundColor = entry.color;
    cell(row, 'name', entry.name);
    cell(row, 'share', (100 * entry.share).toFixed(1) + ' %');
  }
}

function load(image, path) {
  return new Promise((done) => {
    image.onload = image.onerror = done;
    image.src = path;
  });
}

async function nameClass() {
  if (!mouse || !size || !size.hint) return;
  const box = overlay.getBoundingClientRect();
  const x = Math.floor((mouse.x - box.left) / box.width * size.width);
  const y = Math.floor((mouse.y - box.top) / box.height * size.height);
  const answer = await fetch(`/class?x=${x}&y=${y}`);
  if (answer.ok && mouse) byId('under').textContent = (await answer.json()).name;
}

async function show(news) {
  byId('title').textContent = news.title;
  byId('state').textContent = news.message || texts[news.state];
  state = news.state;
  if (news.number === null || news.number === number) return;
  number = news.number;
  size = news;
  if (!mouse) byId('under').textContent = news.hint;
  const speed = news.frames_per_second;
  byId('facts').textContent = `frame ${number}, ${news.width}x${news.height}` +
    (speed ? `, ${speed.toFixed(speed < 10 ? 1 : 0)} frames per second` : '');
  showLegend(news.classes);
  await Promise.all([load(overlay, `/overlay.jpg?frame=${number}`),
                     load(byId('image'), `/image.jpg?frame=${number}`)]);
  nameClass().catch(() => {});
}

async function follow() {
  while (state !== 'ended' && state !== 'failed') {
    const known = number === null ? '' : number;
    const answer = await fetch(`/state?number=${known}&state=${state}`);
    if (!answer.ok) throw new Error(answer.statusText);
    await show(await answer.json());
  }
}

overlay.addEventListener('mousemove', (event) => {
  mouse = {x: event.clientX, y: event.clientY};
  nameClass().catch(() => {});
});
overlay.addEventListener('mouseleave', () => {
  mouse = null;
  if (size) byId('under').textContent = size.hint;
});
follow().catch(() => { byId('state').textContent = 'lfp-tf was stopped.'; });
"""
