/** The chapter "picture" in Korean. */
export default {
  step0_title: "레이블이 달린 사진으로 배우기",
  step0_text:
    "모델은 정답 레이블이 달린 많은 사진으로 배우며, 이것이 지도 학습입니다. 이제 여러분의 사진이 “?”로 그 곁에 놓입니다. 앞으로 24단계에 걸쳐 모델이 답에 이르는 과정을 따라갑니다.",
  step0_gallery: "레이블이 달린 사진과 내 사진",
  step0_right: "정답률 {share}",
  step0_yours: "내 사진 고르기",
  step0_drawings:
    "학습에 쓴 사진은 이 서버에 없으므로 그림으로 대신합니다. 레이블 아래 숫자는 모델이 처음 보는 사진에서 그 레이블을 맞힌 비율입니다. 그림을 고르면 그 그림을 따라갑니다.",
  step0_labels: "모델이 아는 레이블은 모두 {count}개입니다. 그 밖의 레이블: {labels}",
  step0_more: "외 {count}개.",
  step0_images: "사진 k장",
  step0_of_k: "레이블 k개",
  step0_dataset: "학습 데이터",
  step0_seen: "학습하며 본 사진",
  step0_seen_value: "{seen}장, 한 장당 약 {epochs}번",
  step0_test: "처음 보는 사진에서",
  step0_test_value: "{images}장 가운데 {share} 정답",

  step1_title: "사진 한 장",
  step1_text:
    "사진 한 장, 곧 크기가 1인 배치를 따라갑니다. 사진을 모델의 입력 크기에 맞게 줄이고 잘라 냅니다. 그다음 픽셀마다 세 숫자에서 평균을 빼고 표준편차로 나눕니다.",
  step1_before: "내 사진: {width} × {height}, {format}",
  step1_after: "모델이 보는 것: {width} × {height}",
  step1_original_label: "{name}, 가로 {width} 세로 {height} 픽셀. 모델이 보는 부분에 테두리가 있습니다",
  step1_pixels_label: "모델이 보는 픽셀",
  step1_shortest_edge: "짧은 변을 {shortest}픽셀로 줄이고, 양끝에 남는 부분은 잘라 냅니다. 픽셀을 가리키면 어디에서 왔는지 보입니다.",
  step1_exact: "두 변을 {width} × {height}픽셀로 맞춥니다. 픽셀을 가리키면 어디에서 왔는지 보입니다.",
  step1_pixel: "{row}행 {column}열의 픽셀",
  step1_channel: "채널",
  step1_level: "밝기, 0부터 255",
  step1_normalized: "(밝기 / 255 − 평균) / 표준편차",
  step1_value: "모델에 들어가는 값",
  step1_red: "빨강",
  step1_green: "초록",
  step1_blue: "파랑",
  step1_pixels: "줄이고 잘라 낸 픽셀",
  step1_batch: "한 장짜리 배치",

  step2_title: "패치로 자르기",
  step2_text:
    "사진을 같은 크기의 정사각형, 곧 패치로 자릅니다. 순서는 글을 읽을 때와 같아서 왼쪽 위에서 시작해 한 줄씩 내려갑니다. 하나를 고르면 그 패치는 모든 단계에서 내 패치로 남습니다.",
  step2_label: "패치로 자른 사진",
  step2_row: "같은 패치를 순서대로",
  step2_row_label: "한 줄로 늘어놓은 패치 {count}개, 내 패치는 {patch}번",
  step2_pixels: "픽셀",
  step2_grid: "패치의 행 × 열",
  step2_patch: "패치 하나",
  step2_count: "{rows} × {columns} = 패치 {count}개, 패치마다 {size} × {size} 픽셀",
  step2_formula:
    "행 ⌊{patch} / {columns}⌋ · {size} = {top}, 열 ({patch} mod {columns}) · {size} = {left}: x[0, {top}, {left}] = p[{patch}, 0]",
};
