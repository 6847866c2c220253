// Scans tickets with the camera of a phone, one after the other, without loading the page again. The door works without
// it: its field takes the code from a hand scanner or a keyboard. The page carries the sentences (`data-texts`).
(() => {
  "use strict";

  // Pixels along each edge of a picture that is sent to be read: one byte each, and a body may have 64 KiB.
  const SIDE = 240;
  // Milliseconds between two pictures.
  const PAUSE = 300;
  // Milliseconds out of sight after which a ticket counts as shown again, and not as held there still.
  const FORGOTTEN = 3000;
  const panel = document.getElementById("camera");
  const texts = JSON.parse(panel.dataset.texts);
  const button = panel.querySelector("button");
  const video = panel.querySelector("video");
  const note = panel.querySelector("[role=status]");
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  brush.canvas.width = brush.canvas.height = SIDE;
  let stream = null;
  let last = { text: "", at: 0 };

  const say = (text) => {
    if (note.textContent !== text) note.textContent = text;
  };
  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  // The square in the middle of what the camera sees, as light from 0 to 255 (weights of ITU-R BT.601).
  const look = () => {
    const edge = Math.min(video.videoWidth, video.videoHeight);
    const [left, top] = [(video.videoWidth - edge) / 2, (video.videoHeight - edge) / 2];
    brush.drawImage(video, left, top, edge, edge, 0, 0, SIDE, SIDE);
    const { data } = brush.getImageData(0, 0, SIDE, SIDE);
    const light = new Uint8Array(SIDE * SIDE);
    for (let at = 0, of = 0; at < light.length; at++, of += 4) {
      light[at] = (77 * data[of] + 150 * data[of + 1] + 29 * data[of + 2]) >> 8;
    }
    return light;
  };

  const ask = async (address, body) => {
    const answer = await fetch(address, { method: "POST", body, signal: AbortSignal.timeout(10000) });
    // Signed out meanwhile: reloading leads to the sign-in page and back.
    if (new URL(answer.url).pathname === "/login") location.reload();
    return answer;
  };

  // Returns the text of the QR code in the picture; empty where there is none.
  const read = async () => {
    const answer = await ask(panel.dataset.pictures, new Blob([look()]));
    if (answer.status === 204) return "";
    if (!answer.ok) throw new Error(texts.failed.replace("STATUS", answer.status));
    return (await answer.json()).scanned;
  };

  // Sends the code as the form does, and replaces only the parts of the page that have changed.
  const checkIn = async (text) => {
    const answer = await ask(location.pathname, new URLSearchParams({ code: text }));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.getElementById("camera")) throw new Error(texts.failed.replace("STATUS", answer.status));
    document.getElementById("answer")?.remove();
    const told = page.getElementById("answer");
    if (told) {
      panel.before(told);
      told.scrollIntoView({ block: "nearest" });
      const good = told.classList.contains("answer-good");
      if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(good ? 80 : [80, 80, 300]);
    }
    for (const id of ["inside", "arrivals"]) document.getElementById(id).replaceWith(page.getElementById(id));
    document.title = page.title;
  };

  const watch = async (mine) => {
    while (stream === mine) {
      const began = performance.now();
      if (!document.hidden && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
        try {
          const text = await read();
          if (stream !== mine) return;
          say(texts.ready);
          if (text) {
            const held = text === last.text && performance.now() - last.at < FORGOTTEN;
            if (!held) await checkIn(text);
            last = { text, at: performance.now() };
          }
        } catch (error) {
          // None of fetch's own errors has this name.
          say(error.name === "Error" ? error.message : texts.offline);
        }
      }
      await pause(Math.max(50, PAUSE - (performance.now() - began)));
    }
  };

  const show = (on) => {
    video.hidden = !on;
    button.textContent = on ? texts.stop : texts.start;
    // Undoing a check-in loads the page again; the camera goes on then.
    sessionStorage.setItem("camera", on ? "on" : "");
  };

  const stop = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = video.srcObject = null;
    show(false);
    say("");
  };

  const start = async () => {
    button.disabled = true;
    say("");
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      stream.getTracks().forEach((track) => track.addEventListener("ended", stop));
      video.srcObject = stream;
      show(true);
      await video.play();
      say(texts.ready);
      watch(stream);
    } catch (error) {
      stop();
      say(texts[error.name] ?? `${texts.unusable} ${error.message}`);
    }
    button.disabled = false;
  };

  if (!navigator.mediaDevices) {
    // Browsers allow the camera on secure pages only.
    button.disabled = true;
    say(texts.insecure);
    return;
  }
  button.addEventListener("click", () => (stream ? stop() : start()));
  if (sessionStorage.getItem("camera") === "on") start();
})();
