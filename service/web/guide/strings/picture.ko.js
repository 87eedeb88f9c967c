/** The chapter "picture" in Korean. */
export default {
  step0_title: "레이블이 달린 사진으로 배우기",
  step0_text: "이 모델은 레이블이 달린 많은 사진으로 배웠습니다. 이제 레이블을 모르는 여러분의 사진을 만납니다.",
  step1_title: "사진 한 장",
  step1_text: "사진 한 장, 곧 크기가 1인 배치를 따라갑니다. 사진은 모델이 학습한 크기에 맞게 줄이고 잘라 냅니다.",
  step2_title: "패치로 자르기",
  step2_text: "사진을 같은 크기의 정사각형 패치로 자릅니다. 하나를 골라 보십시오. 모든 단계에서 그 패치를 따라갑니다.",
};
