// Asks for news, which the server answers when there are any, and shows the newest frame.
// Names and sentences enter as text, never as HTML.
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
