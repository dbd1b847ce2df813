"""Numbers of the gait literature for what a handful of captured people cannot tell: how far people differ from one another.

Deviations are between people (or between takes of one person) and of one side's joint; `offset` moves a whole curve (degrees), `gain`
stretches it about its mean (a share), `delay` shifts it in the gait cycle (degrees of phase, 360 a stride). Values marked D in the
comments are our decision in the range that the named works show; `docs/motion_sources.md` tells which is which.
"""

from typing import Any

SOURCES = [
    "Winter DA (1991), The Biomechanics and Motor Control of Human Gait, 2nd ed.: bands of the sagittal joint angles",
    "Kadaba MP, Ramakrishnan HK, Wootten ME (1990), J Orthop Res 8:383-392: three-dimensional joint angles and their bands",
    "Human Mobility Research Lab data of 2011 (14 adults; sph.umd.edu/department/knes/data): stride 1.44 +- 0.14 m at 1.02 +- 0.10 Hz",
    "Killeen T et al. (2018), Sci Rep 8:12803: arm swing asymmetry of 334 adults walking over ground",
    "Hausdorff JM (2005), J NeuroEng Rehabil 2:19: stride time varies by 1 to 3 % from stride to stride in healthy adults",
]

# joint: axis (x lean, y bend, z turn): offset_deg, gain, delay_deg
BETWEEN: dict[str, dict[str, list[float]]] = {
    "Hips": {"x": [0.8, 0.30, 8.0], "y": [4.0, 0.30, 15.0], "z": [0.0, 0.40, 15.0]},  # Kadaba: tilt varies most; the rest D
    "LowerBack": {"x": [0.8, 0.30, 10.0], "y": [2.5, 0.30, 15.0], "z": [1.0, 0.30, 12.0]},  # D
    "Spine1": {"x": [0.8, 0.30, 10.0], "y": [3.0, 0.30, 15.0], "z": [1.0, 0.30, 12.0]},  # D: trunk lean of 4 degrees in all
    "Neck": {"x": [1.0, 0.3, 10.0], "y": [3.0, 0.3, 15.0], "z": [1.0, 0.3, 10.0]},  # D
    "Head": {"x": [2.0, 0.3, 10.0], "y": [4.5, 0.3, 15.0], "z": [2.0, 0.3, 10.0]},  # D
    "Shoulder": {"x": [1.5, 0.3, 10.0], "y": [2.0, 0.3, 10.0], "z": [2.0, 0.3, 10.0]},  # D
    "Arm": {"x": [3.0, 0.35, 12.0], "y": [4.0, 0.35, 12.0], "z": [6.0, 0.35, 12.0]},  # amplitude: Killeen; the rest D
    "ForeArm": {"x": [2.0, 0.3, 12.0], "y": [9.0, 0.40, 15.0], "z": [6.0, 0.3, 12.0]},  # D
    "Hand": {"x": [4.0, 0.3, 12.0], "y": [4.0, 0.3, 12.0], "z": [8.0, 0.3, 12.0]},  # D
    "UpLeg": {"x": [1.8, 0.25, 8.0], "y": [4.0, 0.10, 3.0], "z": [4.5, 0.30, 10.0]},  # Winter, Kadaba: 4 to 6 degrees in y
    "Leg": {"x": [1.0, 0.2, 8.0], "y": [3.5, 0.08, 3.0], "z": [2.5, 0.3, 10.0]},  # Winter, Kadaba: 4 to 6 degrees in y
    "Foot": {"x": [2.0, 0.3, 10.0], "y": [3.0, 0.12, 4.0], "z": [4.0, 0.3, 10.0]},  # Winter, Kadaba: 4 to 5 degrees in y
}
# Share of the variance of BETWEEN that is not alike on both sides.
ASYMMETRY: dict[str, float] = {"Arm": 0.45, "ForeArm": 0.40, "Hand": 0.3, "Shoulder": 0.3, "UpLeg": 0.08, "Leg": 0.08, "Foot": 0.1}
WITHIN = 0.48  # deviations between takes, as a share of BETWEEN (D: variances of people and takes then differ 3 to 4 times, as captured)
# Logarithms: natural deviation between people, between takes, and correlation of cadence with stride over leg length.
RHYTHM: dict[str, Any] = {
    "cadence_hz": 0.96, "stride_per_leg": 1.56,  # means that replace the captures' where few people were captured (D: 1.2 to 1.3 m/s)
    "between": [0.075, 0.075], "within": [0.022, 0.025], "correlation": 0.25, "stride_time_variation": 0.018,
}  # fmt: skip
# Mean postures that captures do not tell, because capture systems disagree on what zero is: degrees (x, y, z) of the left side (D, with
# the knee's 5 degrees in mid-stance from Winter); None keeps the captured mean.
POSTURE: dict[str, list[float | None]] = {
    "Neck": [0.0, 1.0, 0.0], "Head": [0.0, -3.0, 0.0], "Shoulder": [0.0, 0.0, 0.0], "Arm": [6.0, 2.0, -4.0], "ForeArm": [0.0, -26.0, 0.0],
    "Hand": [0.0, -4.0, 0.0], "Foot": [0.0, None, -5.0],
}  # fmt: skip
KNEE_AT_STRAIGHTEST_DEG = 4.0  # Winter
LOADING = (0.20, 17.0)  # share of the cycle since heel strike, and the most flexion of the loaded knee there in degrees (Winter)
