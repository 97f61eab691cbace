"""Plays a playlist in headless Chromium until it has come to a second, or to its end; prints how far it came.

    play.py PAGE_URL PLAYLIST_URL SECONDS|+SECONDS|end [--native] [--from SECONDS] [--rate FACTOR]

+SECONDS: for so long from where it began. With video.js and its own reader of playlists, or with the browser's HLS
(--native). Prints JSON: the time and duration in seconds, the decoded frames.
"""

import argparse
import json
import sys
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

arguments = argparse.ArgumentParser()
arguments.add_argument("page")
arguments.add_argument("playlist")
arguments.add_argument("until")
arguments.add_argument("--native", action="store_true")
arguments.add_argument("--from", dest="start", type=float, default=0)
arguments.add_argument("--rate", type=float, default=1)
given = arguments.parse_args()
wanted = float("inf") if given.until == "end" else float(given.until)
began = None

options = webdriver.ChromeOptions()
for option in ["--headless=new", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required",
               "--disable-dev-shm-usage"]:
    options.add_argument(option)
options.binary_location = "/usr/bin/chromium"
driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
try:
    driver.get(given.page)
    driver.execute_script(
        """
        const [playlist, isNative, start, rate] = arguments;
        const video = document.querySelector('video');
        video.muted = true;
        video.addEventListener('loadedmetadata', () => { if (start) video.currentTime = start; });
        video.addEventListener('playing', () => { video.playbackRate = rate; });
        if (isNative) { video.src = playlist; video.play(); }
        else {
          // Or it leaves everything to a browser that knows HLS.
          const own = {nativeAudioTracks: false, nativeVideoTracks: false, hls: {overrideNative: true}};
          const player = videojs('video', {html5: own});
          player.muted(true);
          player.src({src: playlist, type: 'application/x-mpegURL'});
          player.play();
        }
        """, given.playlist, given.native, given.start, given.rate)
    state = {}
    end = time.monotonic() + 90 + (wanted if wanted < 1000 else 0)
    while time.monotonic() < end:
        state = driver.execute_script(
            "const v = document.querySelector('video'); return {time: v.currentTime,"
            " error: v.error && (v.error.message || v.error.code), width: v.videoWidth, ended: v.ended,"
            " duration: isFinite(v.duration) ? v.duration : -1,"
            " frames: v.getVideoPlaybackQuality().totalVideoFrames};")
        if began is None and state["frames"] > 0:
            began = state["time"] if given.until.startswith("+") else 0
        arrived = began is not None and (state["ended"] or state["time"] - began >= wanted)
        if state["error"] or arrived:
            break
        time.sleep(0.25)
    print(json.dumps(state))
    sys.exit(0 if not state["error"] and arrived and state["width"] > 0 else 1)
finally:
    driver.quit()
